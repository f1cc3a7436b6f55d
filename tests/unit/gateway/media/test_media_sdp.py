"""The SDP white list: what survives, what is refused, and that garbage is only ever refused."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from gateway.media.errors import SdpInvalid
from gateway.media.model import Law
from gateway.media.sdp import Direction, LocalMedia, MediaSlot, build_sdp, parse_sdp

OFFER = """v=0
o=- 1 2 IN IP4 10.0.0.1
s=phone
c=IN IP4 10.0.0.7
t=0 0
m=audio 40000 RTP/AVP 9 8 0 101 13
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000/1
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:30
a=sendrecv
"""


def test_an_ordinary_offer():
    for text in (OFFER, OFFER.replace("\n", "\r\n")):
        media = parse_sdp(text)
        assert (str(media.address), media.port) == ("10.0.0.7", 40000)
        assert media.codecs == (Law.ALAW, Law.ULAW)
        assert (media.telephone_event_pt, media.ptime_ms) == (101, 30)
        assert media.direction is Direction.SENDRECV
        assert not media.held


def test_the_media_address_and_direction_win_over_the_sessions():
    text = OFFER.replace("t=0 0", "t=0 0\na=inactive").replace("a=ptime", "c=IN IP4 10.9.9.9\na=ptime")
    media = parse_sdp(text)
    assert str(media.address) == "10.9.9.9"
    assert media.direction is Direction.SENDRECV
    assert parse_sdp(text.replace("a=sendrecv\n", "")).direction is Direction.INACTIVE


@pytest.mark.parametrize(
    ("line", "held"),
    [("a=sendonly", True), ("a=inactive", True), ("a=recvonly", False), ("a=sendrecv", False)],
)
def test_hold(line: str, held: bool):
    assert parse_sdp(OFFER.replace("a=sendrecv", line)).held is held


def test_the_old_hold_by_address():
    assert parse_sdp(OFFER.replace("10.0.0.7", "0.0.0.0")).held  # noqa: S104


def test_static_types_need_no_map_and_a_lying_map_is_not_believed():
    bare = "v=0\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 0 8\n"
    assert parse_sdp(bare).codecs == (Law.ULAW, Law.ALAW)
    assert parse_sdp(bare).telephone_event_pt is None
    assert parse_sdp(bare + "a=rtpmap:0 PCMA/8000\n").codecs == (Law.ALAW,)
    assert parse_sdp(bare + "a=rtpmap:8 PCMA/16000\n").codecs == (Law.ULAW,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c=IN IP4 10.0.0.7", "c=IN IP4 224.2.0.1/127"),
        ("c=IN IP4 10.0.0.7", "c=IN IP4 224.2.0.1"),
        ("c=IN IP4 10.0.0.7", "c=IN IP4 255.255.255.255"),
        ("c=IN IP4 10.0.0.7", "c=IN IP4 phone.example.com"),
        ("c=IN IP4 10.0.0.7", "c=IN IP6 ff02::1"),
        ("c=IN IP4 10.0.0.7", "c=IN IP6 fe80::1%eth0"),
        ("c=IN IP4 10.0.0.7", "c=TN RFC2543 +13800138000"),
        ("c=IN IP4 10.0.0.7\n", ""),
        ("40000 RTP/AVP", "40000 RTP/SAVP"),
        ("40000 RTP/AVP", "40000 UDP/TLS/RTP/SAVPF"),
        ("m=audio", "m=video"),
        ("40000", "0"),
        ("40000", "9"),
        ("40000", "53"),
        ("40000", "70000"),
        ("40000", "４００００"),
        ("9 8 0 101 13", "9"),
        ("v=0\n", ""),
        ("v=0", "v=1"),
        ("s=phone", "s=" + "x" * 9000),
        ("m=audio 40000 RTP/AVP 9 8 0 101 13", "m=audio"),
        ("a=sendrecv", "\n".join(["m=audio 1 RTP/AVP 0"] * 20)),
    ],
)
def test_refused(old: str, new: str):
    with pytest.raises(SdpInvalid) as refused:
        parse_sdp(OFFER.replace(old, new))
    assert "13800138000" not in str(refused.value)


def test_an_encrypted_line_beside_a_plain_one_is_passed_over():
    text = OFFER.replace("m=audio", "m=audio 5000 RTP/SAVP 0\nm=video 5002 RTP/AVP 96\nm=audio")
    media = parse_sdp(text)
    assert (media.port, media.audio_index) == (40000, 2)
    answer = build_sdp(
        LocalMedia(ip_address("10.0.0.2"), 20000, 77, 1, slots=media.slots, audio_index=media.audio_index)
    )
    lines = [line for line in answer.splitlines() if line.startswith("m=")]
    assert lines == ["m=audio 0 RTP/SAVP 0", "m=video 0 RTP/AVP 0", "m=audio 20000 RTP/AVP 8 0 101"]


def test_what_we_write():
    text = build_sdp(LocalMedia(ip_address("10.0.0.2"), 20000, 77, 3, direction=Direction.RECVONLY))
    assert text.split("\r\n") == [
        "v=0",
        "o=- 77 3 IN IP4 10.0.0.2",
        "s=-",
        "c=IN IP4 10.0.0.2",
        "t=0 0",
        "m=audio 20000 RTP/AVP 8 0 101",
        "b=RS:0",
        "b=RR:0",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=recvonly",
        "",
    ]
    again = parse_sdp(text)
    assert (again.port, again.codecs, again.telephone_event_pt) == (20000, (Law.ALAW, Law.ULAW), 101)
    assert again.slots == (MediaSlot(),)


@given(st.text(max_size=400))
def test_random_text_is_refused(text: str):
    with pytest.raises(Invalid):
        parse_sdp(text)


WORDS = st.sampled_from(
    [
        "IN",
        "IP4",
        "IP6",
        "::1",
        "10.0.0.1",
        "audio",
        "RTP/AVP",
        "0",
        "8",
        "101",
        "-1",
        "99999",
        "",
        "/",
        ":",
        "½",
    ]
)
LINES = st.builds(
    lambda key, words: f"{key}={' '.join(words)}",
    st.sampled_from([*"vosiuepcbtrzkam", "a=rtpmap:", "a=ptime:"]),
    st.lists(WORDS, max_size=7),
)


@given(st.lists(LINES, max_size=25))
def test_well_shaped_nonsense_is_read_or_refused(lines: list[str]):
    text = "\r\n".join(["v=0", "c=IN IP4 10.0.0.1", *lines])
    try:
        media = parse_sdp(text)
    except Invalid:
        return
    assert 1024 <= media.port <= 65535
    assert media.codecs
    assert not media.address.is_multicast


@given(st.text(alphabet=st.characters(exclude_characters="\r\n"), max_size=60))
def test_no_foreign_text_survives(text: str):
    canary = "QQ" + text + "QQ"
    source = OFFER.replace("s=phone", f"s={canary}") + f"a={canary}\na=fmtp:8 {canary}\n"
    media = parse_sdp(source)
    written = build_sdp(
        LocalMedia(ip_address("10.0.0.2"), 20000, 1, 1, media.codecs, media.telephone_event_pt)
    )
    assert "QQ" not in written
    assert "QQ" not in repr(media)
