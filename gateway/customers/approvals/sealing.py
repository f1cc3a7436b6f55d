"""What of a request is sealed, under whose key, and how it is opened: new values, masks, reason, note."""

import json

from core.masking import mask_name
from core.sealed import Field, Sealed
from core.vault import Cipher, Vault
from gateway.customers.approvals.model import Difference
from gateway.customers.approvals.models import RequestRow
from gateway.customers.approvals.words import mask_document
from gateway.customers.changing import Identity
from gateway.customers.model import CustomerChange
from gateway.customers.phone import PhoneNumber

TABLE = RequestRow.__tablename__


class RequestSealing:
    """Seals under the customer's key what is about a customer, all else under the institution's."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, row_id: str, column: str, text: str, cipher: Cipher | None) -> Sealed:
        """Seal a text; `cipher` is the customer's, None for an export."""
        return (cipher or self._vault.cipher()).seal(Field(TABLE, column, row_id), text)

    def seal_json(self, row_id: str, column: str, value: object, cipher: Cipher) -> Sealed:
        """Seal a structure under the customer's key."""
        return self.seal(row_id, column, json.dumps(value, ensure_ascii=False), cipher)

    def text(self, row: RequestRow, column: str, cipher: Cipher | None) -> str:
        """Open a text; "" where there is none, or where the customer is erased."""
        sealed: Sealed | None = getattr(row, column)
        if sealed is None:
            return ""
        place = Field(TABLE, column, row.id)
        if row.customer_id is None:
            return self._vault.open_text(place, sealed)
        return "" if cipher is None else cipher.open_text(place, sealed)

    def wanted(self, row: RequestRow, cipher: Cipher) -> CustomerChange:
        """Open the new values: to write them, never to show them."""
        return CustomerChange(**json.loads(self.text(row, "payload", cipher) or "{}"))

    def differences(self, row: RequestRow, cipher: Cipher | None) -> tuple[Difference, ...]:
        """Open the masks of before and after."""
        return tuple(Difference(*one) for one in json.loads(self.text(row, "shown", cipher) or "[]"))


def values(identity: Identity, names: tuple[str, ...]) -> dict[str, str]:
    """Give the values of these fields as a change takes them: "" clears."""
    return {name: getattr(identity, name) or "" for name in names}


def masked(before: Identity, after: Identity, names: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Give field, before and after, masked: what is kept for people to see."""
    return [(name, _mask(name, before), _mask(name, after)) for name in names]


def _mask(name: str, identity: Identity) -> str:
    value: str | None = getattr(identity, name)
    if not value:
        return ""
    if name == "phone":
        return PhoneNumber(value).masked
    if name == "name":
        return mask_name(value)
    return mask_document(value) if name == "id_number" else value
