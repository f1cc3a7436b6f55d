"""What a change of a customer comes to: checked first, compared with what there is, and only then written."""

import json
from dataclasses import dataclass, fields

from sqlalchemy.ext.asyncio import AsyncSession

from core.sealed import BlindIndex, Field
from core.sheets.faults import Fault
from core.vault import Cipher, Vault
from gateway.customers import repository
from gateway.customers.errors import CustomerExists, CustomerInvalid, ExternalIdTaken
from gateway.customers.fields import FieldChecker
from gateway.customers.model import CustomerChange
from gateway.customers.models import CustomerRow
from gateway.customers.phone import PhoneNumber
from gateway.customers.sealing import TABLE, CustomerSealing

IDENTIFYING = ("phone", "name", "id_number", "external_id")
"""The fields that say who a customer is. The others (tags, city, zone, owner) say how they are served."""


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who a customer is, in the clear: for comparing and for masks, never for an answer."""

    phone: str | None
    name: str | None
    id_number: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True, repr=False)
class SoundChange:
    """A change whose fields are all sound. `given` names those that were given; the others mean nothing."""

    given: frozenset[str]
    phone: PhoneNumber | None = None
    name: str = ""
    id_number: str | None = None
    external_id: str | None = None
    city: str | None = None
    time_zone: str = ""
    tags: tuple[str, ...] = ()

    def after(self, before: Identity) -> Identity:
        """Give who the customer would be."""
        return Identity(
            phone=self.phone.e164 if "phone" in self.given and self.phone else before.phone,
            name=self.name if "name" in self.given else before.name,
            id_number=self.id_number if "id_number" in self.given else before.id_number,
            external_id=self.external_id if "external_id" in self.given else before.external_id,
        )


class Changer:
    """Checks and writes changes inside the caller's transaction; the caller has locked the customer."""

    def __init__(self, *, vault: Vault, sealing: CustomerSealing, checker: FieldChecker) -> None:
        self._vault = vault
        self._sealing = sealing
        self._checker = checker

    async def check(
        self, session: AsyncSession, row: CustomerRow, cipher: Cipher, change: CustomerChange
    ) -> SoundChange:
        """Check the given fields and write nothing.

        Raises: CustomerInvalid (all faults at once), CustomerExists, ExternalIdTaken.
        """
        faults: list[Fault] = []
        former = phone = self._sealing.phone_of(row, cipher)
        if change.phone is not None:
            phone = self._checker.phone(change.phone, faults)
        check = self._checker
        sound = SoundChange(
            given=given(change),
            phone=phone if change.phone is not None else None,
            name="" if change.name is None else check.name(change.name, faults, phone),
            id_number=None if change.id_number is None else check.id_number(change.id_number, faults),
            external_id=None
            if change.external_id is None
            else check.external_id(change.external_id, faults, phone),
            city=None if change.city is None else check.city(change.city, faults, phone),
            time_zone="" if change.time_zone is None else check.zone(change.time_zone, faults, phone),
            tags=() if change.tags is None else check.tags(change.tags, faults, phone),
        )
        if faults:
            raise CustomerInvalid(*faults)
        if sound.phone is not None and sound.phone != former:
            await self.refuse_phone(session, sound.phone)
        if "external_id" in sound.given and sound.external_id != row.external_id:
            await self.refuse_external_id(session, sound.external_id)
        return sound

    def put(self, row: CustomerRow, cipher: Cipher, sound: SoundChange) -> None:
        """Set the fields; tags are rows of their own and not set here."""
        before = self.identity(row, cipher)
        if sound.phone is not None and sound.phone.e164 != before.phone:
            self._sealing.put_phone(row, cipher, sound.phone)
        if "name" in sound.given:
            self._sealing.put_name(row, cipher, sound.name)
        if "id_number" in sound.given:
            self._sealing.put_id_number(row, cipher, sound.id_number)
        if "external_id" in sound.given:
            row.external_id = sound.external_id
        if "city" in sound.given:
            row.city = sound.city
        if "time_zone" in sound.given:
            row.time_zone = sound.time_zone

    def identity(self, row: CustomerRow, cipher: Cipher) -> Identity:
        """Open what says who the customer is."""
        phone = self._sealing.phone_of(row, cipher)

        def opened(column: str) -> str | None:
            sealed = getattr(row, column)
            return None if sealed is None else cipher.open_text(Field(TABLE, column, row.id), sealed)

        return Identity(phone.e164 if phone else None, opened("name"), opened("id_number"), row.external_id)

    def moved(self, before: Identity, sound: SoundChange) -> tuple[str, ...]:
        """Name the identifying fields that would really be different."""
        after = sound.after(before)
        return tuple(name for name in IDENTIFYING if getattr(before, name) != getattr(after, name))

    def print_of(self, identity: Identity) -> BlindIndex:
        """Give a keyed hash of who a customer is: two are equal if nothing has changed in between."""
        values = [getattr(identity, name) for name in IDENTIFYING]
        return self._vault.blind("customer.identity", json.dumps(values, ensure_ascii=False))

    async def refuse_phone(self, session: AsyncSession, phone: PhoneNumber) -> None:
        """Raise `CustomerExists` if somebody has this number."""
        if await repository.known_phones(session, [self._sealing.phone_index(phone)]):
            raise CustomerExists

    async def refuse_external_id(self, session: AsyncSession, external_id: str | None) -> None:
        """Raise `ExternalIdTaken` if somebody has this id."""
        if external_id and await repository.known_external_ids(session, [external_id]):
            raise ExternalIdTaken


def given(change: CustomerChange) -> frozenset[str]:
    """Name the fields that a change gives."""
    return frozenset(part.name for part in fields(change) if getattr(change, part.name) is not None)
