"""Seals a customer's fields under the customer's own key, indexes them blindly, and opens them masked."""

import unicodedata
from datetime import datetime

from core.masking import mask_name
from core.sealed import BlindIndex, Field, Sealed
from core.vault import Cipher, Vault
from gateway.customers.model import CustomerDraft, CustomerView
from gateway.customers.models import CustomerRow
from gateway.customers.owners import Owner
from gateway.customers.phone import PhoneNumber

TABLE = "gw_customers"


class CustomerSealing:
    """The only place that knows which column is sealed how."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def new_row(
        self, draft: CustomerDraft, customer_id: str, cipher: Cipher, *, owner: Owner, by: str, now: datetime
    ) -> CustomerRow:
        """Make the row of a new customer; the tags are rows of their own."""
        row = CustomerRow(
            id=customer_id,
            external_id=draft.external_id,
            owner_id=owner.employee_id,
            department_id=owner.department_id,
            time_zone=draft.time_zone,
            city=draft.city,
            created_at=now,
            created_by=by,
            updated_at=now,
        )
        self.put_phone(row, cipher, draft.phone)
        self.put_name(row, cipher, draft.name)
        self.put_id_number(row, cipher, draft.id_number)
        return row

    def put_phone(self, row: CustomerRow, cipher: Cipher, phone: PhoneNumber) -> None:
        row.phone = cipher.seal(Field(TABLE, "phone", row.id), phone.e164)
        row.phone_index = self.phone_index(phone)
        row.last_four_index = self.last_four_index(phone.last_four)

    def put_name(self, row: CustomerRow, cipher: Cipher, name: str) -> None:
        row.name = cipher.seal(Field(TABLE, "name", row.id), name)
        row.name_index = self.name_index(name)
        row.surname_index = self.surname_index(surname_of(name))

    def put_id_number(self, row: CustomerRow, cipher: Cipher, id_number: str | None) -> None:
        place = Field(TABLE, "id_number", row.id)
        row.id_number = cipher.seal(place, id_number) if id_number else None

    def forget(self, row: CustomerRow) -> None:
        """Empty every field that leads to the person, the blind indexes too."""
        row.phone = row.name = row.id_number = None
        row.phone_index = row.last_four_index = row.name_index = row.surname_index = None
        row.external_id = row.city = None

    def phone_of(self, row: CustomerRow, cipher: Cipher) -> PhoneNumber | None:
        """Open the number: for dialling and for its mask, never for an answer."""
        return self.number(row.id, row.phone, cipher)

    def number(self, customer_id: str, phone: Sealed | None, cipher: Cipher) -> PhoneNumber | None:
        """Open the number of a customer of whom only this column was read."""
        if phone is None:
            return None
        return PhoneNumber(cipher.open_text(Field(TABLE, "phone", customer_id), phone))

    def view(self, row: CustomerRow, cipher: Cipher | None, tags: tuple[str, ...]) -> CustomerView:
        name = phone = ""
        if cipher is not None and row.name is not None:
            name = mask_name(cipher.open_text(Field(TABLE, "name", row.id), row.name))
        if cipher is not None and (number := self.phone_of(row, cipher)) is not None:
            phone = number.masked
        return CustomerView(
            id=row.id,
            name_masked=name,
            phone_masked=phone,
            has_id_number=row.id_number is not None,
            tags=tags,
            external_id=row.external_id,
            owner_id=row.owner_id,
            department_id=row.department_id,
            time_zone=row.time_zone,
            city=row.city,
            created_at=row.created_at,
            updated_at=row.updated_at,
            erased_at=row.erased_at,
        )

    def request_key(self, key: str | None) -> str | None:
        """Give what is kept of a caller's idempotency key: it may well be the customer's number."""
        return self._vault.request_key(key)

    def phone_index(self, phone: PhoneNumber) -> BlindIndex:
        return self._vault.blind("customer.phone", phone.e164)

    def last_four_index(self, last_four: str) -> BlindIndex:
        return self._vault.blind("customer.last-four", last_four)

    def name_index(self, name: str) -> BlindIndex:
        return self._vault.blind("customer.name", normalise_name(name))

    def surname_index(self, surname: str) -> BlindIndex:
        return self._vault.blind("customer.surname", normalise_name(surname))


def normalise_name(name: str) -> str:
    """Fold width, case and spaces, so that a name is found however it was typed."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def surname_of(name: str) -> str:
    """Give the first character of a Chinese name, the last word of any other."""
    name = unicodedata.normalize("NFKC", name).strip()
    return name.split()[-1] if name.isascii() else name[:1]


def is_surname(text: str) -> bool:
    """Tell whether a search text is a surname alone: one Chinese character, or one Latin word."""
    text = unicodedata.normalize("NFKC", text).strip()
    return len(text.split()) == 1 if text.isascii() else len(text) == 1
