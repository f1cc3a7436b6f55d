"""Parts, alphabets, receipts and frames of SMPP."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages.channels.smpp import segments
from gateway.messages.channels.smpp.pdu import Pdu, PduInvalid, bind_body, length_of, message_id_of, unpack
from gateway.messages.channels.smpp.receipt import is_receipt, read_receipt
from gateway.messages.model import ReceiptState


def joined(cut):
    pieces = [segments.read_piece(part.esm_class, part.data_coding, part.payload) for part in cut]
    assert [piece.part for piece in pieces] == list(range(len(cut)))
    assert {piece.total for piece in pieces} == {len(cut)}
    return segments.decode(cut[0].data_coding, b"".join(piece.payload for piece in pieces))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=600), st.integers(0, 255))
def test_what_is_cut_comes_back(text, reference):
    cut = segments.split(text, reference)
    assert all(len(part.payload) <= (160 if part.data_coding == segments.GSM else 140) for part in cut)
    assert joined(cut) == text


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [("a" * 160, 0, 1), ("a" * 161, 0, 2), ("€" * 80, 0, 1), ("€" * 81, 0, 2), ("好" * 70, 8, 1), ("好" * 71, 8, 2), ("😀" * 35, 8, 1), ("好" * 134, 8, 2), ("好" * 135, 8, 3), ("", 0, 1)],
)  # fmt: skip
def test_lengths(text, coding, parts):
    cut = segments.split(text, 7)
    assert (cut[0].data_coding, len(cut)) == (coding, parts)


def test_too_many_parts():
    with pytest.raises(segments.SegmentsInvalid):
        segments.split("好" * 20_000, 1)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200))
def test_any_piece_is_read(esm_class, coding, payload):
    piece = segments.read_piece(esm_class, coding, payload)
    assert 0 <= piece.part < piece.total
    segments.decode(coding, piece.payload)


def test_16_bit_references():
    piece = segments.read_piece(0x40, 8, bytes((6, 8, 4, 1, 2, 3, 2)) + "好".encode("utf-16-be"))
    assert (piece.reference, piece.part, piece.total) == (258, 1, 3)


RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2611211000 done date:2611211001 stat:{} err:011 text:Hi"


@pytest.mark.parametrize(
    ("text", "parameters", "decimal", "answer"),
    [
        (RECEIPT.format("A1", "DELIVRD"), {}, False, ("A1", ReceiptState.DELIVERED, "DELIVRD:011")),
        (RECEIPT.format("A1", "UNDELIV"), {}, False, ("A1", ReceiptState.FAILED, "UNDELIV:011")),
        (RECEIPT.format("255", "DELIVRD"), {}, True, ("FF", ReceiptState.DELIVERED, "DELIVRD:011")),
        (RECEIPT.format("A1", "ENROUTE"), {}, False, ("A1", ReceiptState.ACCEPTED, "ENROUTE:011")),
        ("", {0x1E: b"B2\x00", 0x427: b"\x02"}, False, ("B2", ReceiptState.DELIVERED, "DELIVRD")),
        ("hello", {}, False, None),
    ],
)
def test_receipts(text, parameters, decimal, answer):
    found = read_receipt(text, parameters, decimal_ids=decimal)
    assert (found and (found.message_id, found.state, found.code)) == answer
    assert is_receipt(0x04)
    assert not is_receipt(0x40)


@pytest.mark.parametrize(
    ("stat", "error", "code"),
    [("UNDELIV", "13977778888", "UNDELIV"), ("13977778888", "011", "UNKNOWN:011"), ("REJECTD", "MK-0012", "REJECTD:MK-0012")],
)  # fmt: skip
def test_a_receipts_code_holds_no_number(stat, error, code):
    found = read_receipt(f"id:A1 stat:{stat} err:{error}", {}, decimal_ids=False)
    assert found.code == code


def test_frames():
    pdu = Pdu(0x15, 0, 9, b"xy")
    assert unpack(pdu.pack()) == pdu
    assert length_of(pdu.pack()) == 18
    for head in (b"\x00\x00\x00\x0f", b"\xff\xff\xff\xff"):
        with pytest.raises(PduInvalid):
            length_of(head)
    with pytest.raises(PduInvalid):
        bind_body("x" * 16, "p", "")
    assert message_id_of(b"A1\x00junk") == "A1"
    raw = smpp34.decode(Pdu(9, 0, 1, bind_body("me", "secret", "")).pack())
    assert raw.body.startswith(b"me\x00secret\x00")
