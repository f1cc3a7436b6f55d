"""Runs every detector over a text and settles overlaps: the most telling kind wins."""

from collections.abc import Collection
from dataclasses import dataclass

from core.masking import mask_number
from gateway.messages.screening import accounts, numbers
from gateway.messages.screening.fold import Folded, fold
from gateway.messages.screening.links import links
from gateway.messages.screening.model import DataKind, Spot

_RANK = (
    DataKind.ID_CARD, DataKind.BANK_CARD, DataKind.EMAIL, DataKind.LINK, DataKind.WECHAT, DataKind.QQ,
    DataKind.PHONE, DataKind.NUMBER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is the institution's own and may be said: line numbers (digits), hosts of its sites."""

    numbers: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()


NOTHING = Allowed()


def detect(text: str, allowed: Allowed = NOTHING, *, own: Collection[str] = ()) -> tuple[Spot, ...]:
    """Find contact data, in order, none overlapping another.

    `own` are national numbers that must never be seen (the customer's), found in whatever is between
    their digits.
    """
    folded = fold(text)
    found = [
        *numbers.id_cards(folded),
        *numbers.bank_cards(folded),
        *accounts.emails(fold(text, digits=False)),
        *accounts.wechat_ids(fold(text, digits=False)),
        *accounts.wechat_ids(folded),
        *accounts.qq_ids(folded),
        *numbers.phones(folded),
        *links(fold(text, digits=False), allowed.hosts),
        *numbers.numbers(folded),
    ]
    kept = _settle([spot for spot in found if not _permitted(spot, text, allowed)])
    known = [spot for digits in own for spot in _known(folded, digits)]
    return _settle([*known, *kept]) if known else kept


def mask(text: str, spots: Collection[Spot]) -> str:
    """Cover every spot; what is left reads on."""
    pieces, at = [], 0
    for spot in sorted(spots, key=lambda spot: spot.begin):
        pieces += [text[at : spot.begin], cover(spot.kind, text[spot.begin : spot.end])]
        at = spot.end
    return "".join([*pieces, text[at:]])


def cover(kind: DataKind, written: str) -> str:
    """Give what people see in the place of contact data."""
    if kind is DataKind.PHONE:
        digits = digits_of(written)
        return mask_number(digits) if len(digits) >= 11 else "****"
    if kind is DataKind.BANK_CARD:
        return "****" + digits_of(written)[-4:]
    if kind is DataKind.LINK:
        return "[链接已屏蔽]"
    return "******" if kind in {DataKind.ID_CARD, DataKind.NUMBER} else "***"


def digits_of(text: str) -> str:
    return "".join(character for character in fold(text).text if character in "0123456789")


def _permitted(spot: Spot, text: str, allowed: Allowed) -> bool:
    if spot.kind not in {DataKind.PHONE, DataKind.NUMBER} or not allowed.numbers:
        return False
    return digits_of(text[spot.begin : spot.end]) in allowed.numbers


def _known(folded: Folded, digits: str) -> list[Spot]:
    """Find a known number whatever stands between its digits, letters and words included."""
    places = [place for place, character in enumerate(folded.text) if character in "0123456789"]
    stream = "".join(folded.text[place] for place in places)
    spots, at = [], stream.find(digits)
    while digits and at >= 0:
        spots.append(Spot(DataKind.PHONE, *folded.span(places[at], places[at + len(digits) - 1] + 1)))
        at = stream.find(digits, at + 1)
    return spots


def _settle(found: list[Spot]) -> tuple[Spot, ...]:
    """Drop what overlaps a more telling or, of the same kind, a longer one. What sticks out is covered."""
    kept: list[Spot] = []
    for spot in sorted(found, key=lambda spot: (_RANK.index(spot.kind), -spot.length, spot.begin)):
        clash = [other for other in kept if spot.overlaps(other)]
        if not clash:
            kept.append(spot)
        elif spot.begin < min(o.begin for o in clash) or spot.end > max(o.end for o in clash):
            first = clash[0]
            kept = [other for other in kept if other not in clash]
            begin = min(spot.begin, *(other.begin for other in clash))
            end = max(spot.end, *(other.end for other in clash))
            kept.append(Spot(first.kind, begin, end))
    return tuple(sorted(kept, key=lambda spot: spot.begin))
