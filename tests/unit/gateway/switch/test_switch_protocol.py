"""The switch protocol: what is written can be read, what is not of it is refused, and nothing is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from gateway.switch import protocol as p
from gateway.switch.lines import LineBuffer

NUMBER = "13800138000"
LEG = st.text("0123456789abcdefXYZ_-", min_size=1, max_size=64)
STATUS = st.integers(400, 699)
TEXT = st.text(max_size=512)
HIDDEN = st.text(max_size=256).map(SecretStr)
SDP = st.text(max_size=2000)
PORT = st.integers(1, 65535)
CREDENTIALS = st.builds(
    p.DigestCredentials,
    method=st.sampled_from(["INVITE", "REGISTER"]),
    username=TEXT,
    realm=TEXT,
    nonce=TEXT,
    uri=TEXT,
    response=TEXT,
    qop=st.none() | TEXT,
)
EVENTS = st.one_of(
    st.builds(p.Hello, node=st.just("n1"), sip_host=st.just("127.0.0.1"), sip_port=PORT),
    st.builds(
        p.Incoming,
        leg=LEG,
        from_user=HIDDEN,
        to_user=HIDDEN,
        source_host=st.just("::1"),
        source_port=PORT,
        sdp=SDP,
        authorization=st.none() | CREDENTIALS,
        contact=st.none() | TEXT,
    ),
    st.builds(p.Answered, leg=LEG, sdp=SDP),
    st.builds(p.Failed, leg=LEG, status=STATUS),
    st.builds(p.Ended, leg=LEG, by=st.sampled_from(["remote", "timeout", "error"])),
    st.builds(p.InfoDtmf, leg=LEG, digit=st.sampled_from("0123456789ABCD*#")),
    st.builds(p.Pong, sequence=st.integers()),
)
COMMANDS = st.one_of(
    st.builds(
        p.Originate,
        leg=LEG,
        uri=HIDDEN,
        from_user=HIDDEN,
        sdp=SDP,
        ring_timeout_s=st.integers(1, 240),
        max_duration_s=st.integers(1, 86400),
    ),
    st.builds(p.Answer, leg=LEG, sdp=SDP),
    st.builds(p.Refuse, leg=LEG, status=STATUS, retry_after_s=st.none() | st.integers(0, 86400)),
    st.builds(
        p.Challenge,
        request=LEG,
        realm=st.just("r"),
        nonce=st.just("n"),
        algorithms=st.just(("SHA-256", "MD5")),
    ),
    st.builds(p.Hangup, leg=LEG),
)


@given(EVENTS)
def test_an_event_survives_the_wire(event):
    line = p.encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= p.MAX_LINE_BYTES
    assert p.decode_event(line) == event


@given(COMMANDS)
def test_a_command_survives_the_wire(command):
    assert p.decode_command(p.encode(command)) == command


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_quoted(noise):
    for decode in (p.decode_event, p.decode_command):
        with pytest.raises(p.LineInvalid):
            decode(noise)


@given(EVENTS, st.data())
def test_a_cut_line_is_refused(event, data):
    line = p.encode(event).rstrip()
    cut = data.draw(st.integers(0, len(line) - 1))
    with pytest.raises(p.LineInvalid):
        p.decode_event(line[:cut])


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"failed","leg":"a","status":"486"}',  # strict: no number in a string
        b'{"type":"failed","leg":"a","status":200}',
        b'{"type":"failed","leg":"a b","status":486}',
        b'{"type":"failed","leg":"a\\n","status":486}',
        b'{"type":"failed","leg":"a","status":486,"text":"13800138000"}',  # no room for a phrase
        b'{"type":"info_dtmf","leg":"a","digit":"13800138000"}',
        b'{"type":"ring","leg":"a"}',  # a command is no event
    ],
)
def test_lines_beside_the_protocol_are_refused(line):
    with pytest.raises(p.LineInvalid) as caught:
        p.decode_event(line)
    assert NUMBER not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_line_that_is_too_long_is_refused():
    with pytest.raises(p.LineInvalid):
        p.decode_command(b'{"type":"ping","sequence":' + b"1" * p.MAX_LINE_BYTES + b"}")


def test_numbers_do_not_show_in_reprs():
    credentials = p.DigestCredentials(
        method="INVITE", username=NUMBER, realm=NUMBER, nonce=NUMBER, uri=NUMBER, response=NUMBER
    )
    shown = [
        p.Originate(
            leg="a", uri=SecretStr(f"sip:{NUMBER}@x"), from_user=SecretStr(NUMBER), from_display=NUMBER,
            to_display=NUMBER, sdp=f"s={NUMBER}", ring_timeout_s=9, max_duration_s=9,
        ),
        p.Incoming(
            leg="a", from_user=SecretStr(NUMBER), to_user=SecretStr(NUMBER), source_host="1", source_port=1,
            sdp=NUMBER, contact=NUMBER, authorization=credentials,
        ),
        p.Register(
            request="a", user=NUMBER, contact=NUMBER, expires=1, source_host="1", source_port=1,
            authorization=credentials,
        ),
        p.Answered(leg="a", sdp=NUMBER),
        p.Reoffer(leg="a", sdp=NUMBER),
    ]  # fmt: skip
    for message in shown:
        assert NUMBER not in repr(message)
        assert NUMBER not in str(message)


def test_an_invalid_model_does_not_quote_its_input():
    with pytest.raises(ValidationError) as caught:
        p.Failed(leg=f"+{NUMBER}", status=486)
    assert NUMBER not in str(caught.value)


def test_messages_are_frozen():
    with pytest.raises(ValidationError):
        p.Hangup(leg="a").leg = "b"


@pytest.mark.parametrize("fields", [{}, {"leg": "a", "request": "b"}])
def test_a_challenge_has_one_target(fields):
    with pytest.raises(ValidationError):
        p.Challenge(realm="r", nonce="n", **fields)


@pytest.mark.parametrize("bad", ['a"b', "a\r\nX: y", "a\\", ""])
def test_a_challenge_cannot_break_out_of_its_quotes(bad):
    with pytest.raises(ValidationError):
        p.Challenge(leg="a", realm=bad, nonce="n")


@given(st.lists(st.binary(max_size=50).filter(lambda line: b"\n" not in line)), st.integers(1, 17))
def test_lines_come_whole_however_they_are_cut(lines, step):
    stream = b"".join(line + b"\n" for line in lines)
    buffer = LineBuffer()
    got = [line for at in range(0, len(stream), step) for line in buffer.feed(stream[at : at + step])]
    assert got == [line for line in lines if line]
    assert buffer.dropped == 0


@given(st.integers(11, 100), st.integers(1, 40))
def test_a_long_line_is_dropped_and_the_next_one_is_whole(size, step):
    stream = b"x" * size + b"\nnext\n"
    buffer = LineBuffer(limit=10)
    got = [line for at in range(0, len(stream), step) for line in buffer.feed(stream[at : at + step])]
    assert got == [b"next"]
    assert buffer.dropped == 1
