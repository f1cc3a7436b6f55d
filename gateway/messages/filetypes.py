"""Tells what a file is by its first bytes, and which ones are taken. Pure; names and claims are not believed.

Signatures: the formats' own specifications (PNG W3C, JPEG ITU-T T.81, GIF89a, WebP RFC 9649, PDF ISO 32000,
AMR RFC 4867 section 5, RIFF/WAVE, Ogg RFC 3533, ISO BMFF ISO/IEC 14496-12, OOXML ECMA-376).
"""

import io
import zipfile
from dataclasses import dataclass

from gateway.messages.model import BodyKind

MAX_PIXELS = 50_000_000
MAX_MEMBERS = 2000
MAX_UNPACKED = 100 * 1024 * 1024
_FORBIDDEN_MEMBERS = ("vbaproject.bin", "activex", "embeddings/", "oleobject", "externallinks/")


@dataclass(frozen=True, slots=True)
class FileType:
    """A type that is taken."""

    kind: BodyKind
    media_type: str
    extension: str


class FileRefused(ValueError):
    """The file is not taken; `code` says why: empty, unknown, dangerous, macro, bomb."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


_PLAIN: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", FileType(BodyKind.PICTURE, "image/png", "png")),
    (0, b"\xff\xd8\xff", FileType(BodyKind.PICTURE, "image/jpeg", "jpg")),
    (0, b"GIF87a", FileType(BodyKind.PICTURE, "image/gif", "gif")),
    (0, b"GIF89a", FileType(BodyKind.PICTURE, "image/gif", "gif")),
    (0, b"#!AMR\n", FileType(BodyKind.VOICE, "audio/amr", "amr")),
    (0, b"#!AMR-WB\n", FileType(BodyKind.VOICE, "audio/amr-wb", "awb")),
    (0, b"OggS", FileType(BodyKind.VOICE, "audio/ogg", "ogg")),
    (0, b"ID3", FileType(BodyKind.VOICE, "audio/mpeg", "mp3")),
    (0, b"\xff\xfb", FileType(BodyKind.VOICE, "audio/mpeg", "mp3")),
    (0, b"\xff\xf3", FileType(BodyKind.VOICE, "audio/mpeg", "mp3")),
    (0, b"%PDF-", FileType(BodyKind.FILE, "application/pdf", "pdf")),
)
_RIFF = {
    b"WEBP": FileType(BodyKind.PICTURE, "image/webp", "webp"),
    b"WAVE": FileType(BodyKind.VOICE, "audio/wav", "wav"),
}
_BMFF = {
    b"M4A ": FileType(BodyKind.VOICE, "audio/mp4", "m4a"),
    b"heic": FileType(BodyKind.PICTURE, "image/heic", "heic"),
    b"mif1": FileType(BodyKind.PICTURE, "image/heif", "heif"),
}
_VIDEO = FileType(BodyKind.VIDEO, "video/mp4", "mp4")
_OOXML = "application/vnd.openxmlformats-officedocument."
_OFFICE = {
    "word/": FileType(BodyKind.FILE, f"{_OOXML}wordprocessingml.document", "docx"),
    "xl/": FileType(BodyKind.FILE, f"{_OOXML}spreadsheetml.sheet", "xlsx"),
    "ppt/": FileType(BodyKind.FILE, f"{_OOXML}presentationml.presentation", "pptx"),
}
_DANGEROUS = (
    b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"dex\n", b"#!/", b"#! /",
    b"\xd0\xcf\x11\xe0", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ",
    b"L\x00\x00\x00\x01\x14\x02",
    b"<?xml", b"<svg", b"<!doctype", b"<html", b"<script", b"{\\rtf",
)  # fmt: skip


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's marks of a frame header: SOF0 to SOF15 but DHT, JPG and DAC."""
_LONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG's marks that no length follows: TEM, RST, SOI."""


def identify(content: bytes) -> FileType:
    """Give the type of a file that may be taken; raise `FileRefused` for any other."""
    if not content:
        raise FileRefused("empty")
    head = content[:64]
    if any(head.lstrip().lower().startswith(mark.lower()) for mark in _DANGEROUS):
        raise FileRefused("dangerous")
    for offset, mark, kind in _PLAIN:
        if head[offset:].startswith(mark):
            return _checked(kind, content)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _checked(_RIFF[head[8:12]], content)
    if head[4:8] == b"ftyp":
        return _BMFF.get(head[8:12], _VIDEO)
    if head[:4] == b"PK\x03\x04":
        return _office(content)
    raise FileRefused("unknown")


def _checked(kind: FileType, content: bytes) -> FileType:
    """Look further where the first bytes are not enough."""
    if kind.extension == "pdf":
        lowered = content.lower()
        active = (b"/javascript", b"/launch", b"/embeddedfile", b"/openaction", b"/xfa")
        if any(mark in lowered for mark in active):
            raise FileRefused("dangerous")
    if kind.kind is BodyKind.PICTURE and pixels(kind.extension, content) > MAX_PIXELS:
        raise FileRefused("bomb")
    return kind


def pixels(extension: str, content: bytes) -> int:
    """Give how many pixels a picture says it has, before anything unpacks it; 0 where it does not say."""
    if extension == "png" and len(content) >= 24:
        return int.from_bytes(content[16:20]) * int.from_bytes(content[20:24])
    if extension == "gif" and len(content) >= 10:
        return int.from_bytes(content[6:8], "little") * int.from_bytes(content[8:10], "little")
    if extension == "webp" and len(content) >= 30:
        return _webp_pixels(content)
    return _jpeg_pixels(content) if extension == "jpg" else 0


def _webp_pixels(content: bytes) -> int:
    """RFC 9649: the canvas of VP8X, else the frame of VP8L or VP8."""
    form = content[12:16]
    if form == b"VP8X":
        return (int.from_bytes(content[24:27], "little") + 1) * (int.from_bytes(content[27:30], "little") + 1)
    if form == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    width, height = (int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height


def _jpeg_pixels(content: bytes) -> int:
    """ITU-T T.81 B.2.2: the frame header, found by walking over the segments before it."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        mark = content[at + 1]
        if mark in _FRAMES:
            return int.from_bytes(content[at + 5 : at + 7]) * int.from_bytes(content[at + 7 : at + 9])
        if mark == 0xFF:  # a fill byte
            at += 1
        else:
            at += 2 if mark in _LONE else 2 + int.from_bytes(content[at + 2 : at + 4])
    return 0


def _office(content: bytes) -> FileType:
    """Take a document without macros; any other archive is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise FileRefused("unknown") from None
    names = [member.filename.lower() for member in members]
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise FileRefused("bomb")
    if "[content_types].xml" not in names:
        raise FileRefused("dangerous")
    if any(mark in name for name in names for mark in _FORBIDDEN_MEMBERS):
        raise FileRefused("macro")
    for folder, kind in _OFFICE.items():
        if any(name.startswith(folder) for name in names):
            return kind
    raise FileRefused("unknown")
