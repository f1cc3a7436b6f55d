"""Envelopes open only where they were made for; keys and sealed values print masked."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.columns import BlindIndexColumn, SealedColumn
from core.vault import BlindIndex, Cipher, Field, Keyring, SealBroken, Sealed, Secret, Vault

KEY_ID = "0011223344556677"
PLACE = Field("gw_customers", "phone", "0192" * 8)
NUMBER = "+8613800138000"


@pytest.fixture
def cipher() -> Cipher:
    return Cipher(KEY_ID, Secret(b"k" * 32))


def test_envelope_opens_in_its_place(cipher: Cipher) -> None:
    sealed = cipher.seal(PLACE, NUMBER)
    assert cipher.open_text(PLACE, sealed) == NUMBER
    assert sealed.key_id == KEY_ID
    assert NUMBER.encode() not in sealed.raw


def test_same_text_never_seals_to_the_same_bytes(cipher: Cipher) -> None:
    assert len({cipher.seal(PLACE, NUMBER).raw for _ in range(100)}) == 100


@given(data=st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    cipher = Cipher(KEY_ID, Secret(b"k" * 32))
    assert cipher.open(PLACE, cipher.seal(PLACE, data)) == data


def test_every_flipped_bit_is_noticed(cipher: Cipher) -> None:
    raw = cipher.seal(PLACE, NUMBER).raw
    for at in range(len(raw)):
        for bit in range(8):
            broken = bytearray(raw)
            broken[at] ^= 1 << bit
            with pytest.raises(SealBroken):
                cipher.open(PLACE, Sealed(bytes(broken)))


def test_every_cut_is_noticed(cipher: Cipher) -> None:
    raw = cipher.seal(PLACE, NUMBER).raw
    for length in range(len(raw)):
        with pytest.raises(SealBroken):
            cipher.open(PLACE, Sealed(raw[:length]))
    with pytest.raises(SealBroken):
        cipher.open(PLACE, Sealed(raw + b"\x00"))


@pytest.mark.parametrize("moved", [{"table": "gw_other"}, {"column": "name"}, {"row": "0193" * 8}])
def test_value_moved_elsewhere_does_not_open(cipher: Cipher, moved: dict[str, str]) -> None:
    sealed = cipher.seal(PLACE, NUMBER)
    with pytest.raises(SealBroken):
        cipher.open(replace(PLACE, **moved), sealed)


def test_parts_of_a_place_cannot_be_shifted_into_each_other() -> None:
    with pytest.raises(ValueError, match="no"):
        Field("a|b", "c", "d")
    with pytest.raises(ValueError, match="empty"):
        Field("", "c", "d")


def test_other_key_with_the_same_id_does_not_open(cipher: Cipher) -> None:
    with pytest.raises(SealBroken):
        Cipher(KEY_ID, Secret(b"x" * 32)).open(PLACE, cipher.seal(PLACE, NUMBER))


def test_same_key_under_another_id_does_not_open(cipher: Cipher) -> None:
    sealed = cipher.seal(PLACE, NUMBER)
    other = Cipher("ff" * 8, Secret(b"k" * 32))
    with pytest.raises(SealBroken):
        other.open(PLACE, sealed)
    relabelled = Sealed(sealed.raw[:2] + b"\xff" * 8 + sealed.raw[10:])
    with pytest.raises(SealBroken):
        other.open(PLACE, relabelled)


def test_bytes_that_are_no_text_break_without_quoting_them(cipher: Cipher) -> None:
    sealed = cipher.seal(PLACE, b"\xff13800138000")
    with pytest.raises(SealBroken) as caught:
        cipher.open_text(PLACE, sealed)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_derived_keys_differ_by_purpose_and_key(cipher: Cipher) -> None:
    keys = {
        cipher.derive_key("recording"),
        cipher.derive_key("export"),
        Cipher(KEY_ID, Secret(b"x" * 32)).derive_key("recording"),
    }
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert cipher.derive_key("recording") in keys


def test_nothing_prints_what_it_holds(cipher: Cipher) -> None:
    secret = Secret(b"very-secret-bytes-of-this-keyring")
    shown = [secret, cipher.seal(PLACE, NUMBER), BlindIndex(b"\xab" * 32), cipher, Keyring.generate()]
    for value in shown:
        for text in (repr(value), str(value), f"{value}"):
            assert "very-secret" not in text
            assert "ab" * 4 not in text
            assert "\\x" not in text
    with pytest.raises(TypeError):
        copy.copy(secret)  # asks for the same thing as pickling
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_secrets_compare_by_content() -> None:
    assert Secret(b"a") == Secret(b"a")
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"
    assert len({Secret(b"a"), Secret(b"a")}) == 1


def test_institution_values_open_after_rotation_and_not_after_retirement() -> None:
    keyring = Keyring.generate()
    old = Vault(keyring).cipher().seal(PLACE, NUMBER)
    rotated = keyring.rotate()
    vault = Vault(rotated)
    assert vault.open_text(PLACE, old) == NUMBER
    assert vault.open(PLACE, vault.cipher().seal(PLACE, b"new")) == b"new"
    assert vault.cipher().key_id != old.key_id
    with pytest.raises(SealBroken):
        Vault(rotated.retire(keyring.current)).open(PLACE, old)
    with pytest.raises(SealBroken):
        vault.open(PLACE, Sealed(b""))


def test_wrapping_and_sealing_keys_are_different() -> None:
    vault = Vault(Keyring.generate())
    wrapped = vault.wrap(PLACE, Secret(b"d" * 32))
    assert vault.unwrap(PLACE, wrapped) == Secret(b"d" * 32)
    with pytest.raises(SealBroken):
        vault.open(PLACE, wrapped)
    with pytest.raises(SealBroken):
        vault.unwrap(PLACE, vault.cipher().seal(PLACE, b"d" * 32))


def test_blind_index_is_stable_and_its_own_for_each_index() -> None:
    keyring = Keyring.generate()
    vault = Vault(keyring)
    index = vault.blind("customer.phone", NUMBER)
    assert index == Vault(keyring.rotate()).blind("customer.phone", NUMBER)
    assert len(index.raw) == 32
    others = [vault.blind("customer.name", NUMBER), vault.blind("customer.phone", NUMBER + "1")]
    assert index not in [*others, Vault(Keyring.generate()).blind("customer.phone", NUMBER)]


@pytest.mark.parametrize(("bits", "length"), [(1, 1), (8, 1), (9, 2), (12, 2), (255, 32)])
def test_short_blind_index_has_exactly_its_bits(bits: int, length: int) -> None:
    vault = Vault(Keyring.generate())
    values = [int.from_bytes(vault.blind("last-four", str(number), bits=bits).raw) for number in range(300)]
    assert max(values) < 2**bits
    assert len(vault.blind("last-four", "8000", bits=bits).raw) == length
    assert len(set(values)) <= 2**bits
    assert len(set(values)) >= min(2**bits, 128) * 0.9


@pytest.mark.parametrize("bits", [0, 257])
def test_blind_index_refuses_senseless_lengths(bits: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        Vault(Keyring.generate()).blind("x", "y", bits=bits)


@pytest.mark.parametrize("column", [SealedColumn(), BlindIndexColumn()])
def test_columns_refuse_what_is_not_sealed(column: SealedColumn | BlindIndexColumn) -> None:
    for plain in (NUMBER, NUMBER.encode()):
        with pytest.raises(TypeError):
            column.process_bind_param(plain, None)  # type: ignore[arg-type]
    assert column.process_bind_param(None, None) is None  # type: ignore[arg-type]
