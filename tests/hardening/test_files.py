"""Files that are more than they seem: pictures of a billion points, archives within archives, hours in kilobytes."""

import io
import struct
import tracemalloc
import zipfile

import av
import numpy as np
import pytest

from gateway.messages.filetypes import MAX_PIXELS, MAX_UNPACKED, FileRefused, identify, pixels
from qa.speech.decode import MAX_S, SAMPLE_RATE, decode
from qa.speech.errors import AudioUnreadable

SIDE = 40_000
BIG, SMALL = (SIDE, SIDE), (640, 480)
MIB = 1024 * 1024


def png(width: int, height: int) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0" + bytes(20)
    )


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


def jpeg(width: int, height: int) -> bytes:
    before = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(9) + b"\xff\xff\xdb\x00\x04\0\0"
    return before + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width) + bytes(20)


def webp(form: bytes, inside: bytes) -> bytes:
    return b"RIFF\x40\0\0\0WEBP" + form + b"\x20\0\0\0" + inside + bytes(30)


def webp_extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes(4) + sides)


def webp_lossless(width: int, height: int) -> bytes:
    width, height = min(width, 16384), min(height, 16384)
    return webp(b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little"))


def webp_lossy(width: int, height: int) -> bytes:
    width, height = min(width, 16383), min(height, 16383)
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


@pytest.mark.parametrize("make", [png, gif, jpeg, webp_extended, webp_lossless, webp_lossy])
def test_a_picture_says_how_large_it_is_before_anything_unpacks_it(make) -> None:
    """Four gigabytes of points in fifty bytes are refused; a picture as people send them is taken."""
    content = make(*SMALL)
    kind = identify(content)
    assert pixels(kind.extension, content) == SMALL[0] * SMALL[1]
    with pytest.raises(FileRefused) as refused:
        identify(make(*BIG))
    assert refused.value.code == "bomb"


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff" + b"\xff" * 100_000, b"\xff\xd8\xff\xe0\x00\x00" * 20_000, b"GIF89a", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff\xc0"]
)  # fmt: skip
def test_a_picture_that_does_not_say_does_not_hang(content: bytes) -> None:
    assert pixels(identify(content).extension, content) <= MAX_PIXELS


def office(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (office(("word/document.xml", bytes(MAX_UNPACKED + 1))), "bomb"),
        (office(*((f"word/{number}.xml", b"x") for number in range(2001))), "bomb"),
        (office(("word/embeddings/oleObject1.bin", b"x")), "macro"),
        (office(("word/x.bin", office(("word/document.xml", b"x")))), ""),
        (office(("../../evil.xml", b"x")), "unknown"),
        (office(("word/document.xml", b"x")).replace(b"PK\x01\x02", b"PK\x09\x09"), "unknown"),
    ],
)
def test_documents_are_looked_at_and_never_unpacked(content: bytes, code: str) -> None:
    """Only the directory is read: what lies within, archives too, stays packed."""
    if not code:
        assert identify(content).extension == "docx"
        return
    with pytest.raises(FileRefused) as refused:
        identify(content)
    assert refused.value.code == code


def silence(seconds: int) -> bytes:
    """Give minutes of nothing in a few kilobytes (Opus in Ogg)."""
    made = io.BytesIO()
    with av.open(made, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=16_000)
        stream.bit_rate = 6_000
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
        frame.rate = 16_000
        for second in range(seconds):
            frame.pts = second * 16_000
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return made.getvalue()


def test_a_voice_message_without_end_is_read_for_ten_minutes() -> None:
    """What is decoded is bounded by time, not by the size of the file."""
    content = silence(MAX_S + 60)
    assert len(content) < MIB
    assert len(decode(content, "audio/ogg").samples) == MAX_S * SAMPLE_RATE


def wav(rate: int, channels: int, bits: int, data: bytes) -> bytes:
    size = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * size & 0xFFFFFFFF, size & 0xFFFF, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt \x10\0\0\0"
        + form
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


@pytest.mark.parametrize(
    ("rate", "channels", "bits"), [(1, 1, 8), (7, 1, 8), (4_000_000_000, 1, 8), (8_000, 65_535, 8), (0, 1, 8), (8_000, 0, 16), (8_000, 1, 0)]
)  # fmt: skip
def test_a_sound_that_lies_about_its_rate_is_bounded(rate: int, channels: int, bits: int) -> None:
    """One sample a second stretches a megabyte to days: cut, or said to be unreadable."""
    tracemalloc.start()
    try:
        sound = decode(wav(rate, channels, bits, bytes(MIB)), "audio/wav")
        assert len(sound.samples) <= MAX_S * SAMPLE_RATE
    except AudioUnreadable:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 300 * MIB
