"""Seals and opens the texts of an inspection under its customer's key; what is erased stays erased."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.sealed import Field, Sealed
from core.vault import Cipher, SubjectErased, SubjectKeys, SubjectUnknown, Vault

ERASED_TEXT = "已删除"


class Sealer:
    """Chooses the key: the customer's, or the institution's for a contact without a known customer."""

    def __init__(self, vault: Vault, subject_keys: SubjectKeys) -> None:
        self._vault = vault
        self._subject_keys = subject_keys

    async def cipher(self, session: AsyncSession, subject_id: str | None) -> Cipher:
        """Give the key to seal with.

        Raises:
            SubjectErased: the customer was erased.
        """
        if subject_id is None:
            return self._vault.cipher()
        return await self._subject_keys.cipher(session, subject_id)

    async def opener(self, session: AsyncSession, subject_id: str | None) -> "Opener":
        """Give what opens the texts of one inspection, if they can be opened at all."""
        if subject_id is None:
            return Opener(self._vault)
        try:
            return Opener(await self._subject_keys.cipher(session, subject_id))
        except (SubjectErased, SubjectUnknown):
            return Opener(None)


class Opener:
    """Opens sealed texts; without a key each is `ERASED_TEXT`."""

    def __init__(self, key: Cipher | Vault | None) -> None:
        self._key = key

    @property
    def erased(self) -> bool:
        return self._key is None

    def text(self, field: Field, sealed: Sealed | None) -> str:
        """Open one text; what was never there is empty."""
        if sealed is None:
            return ""
        return ERASED_TEXT if self._key is None else self._key.open_text(field, sealed)

    def words(self, field: Field, sealed: Sealed | None) -> tuple[str, ...]:
        """Open a list of words, as `join_words` wrote it."""
        if sealed is None or self._key is None:
            return ()
        return tuple(self._key.open_text(field, sealed).split("\n"))


def join_words(words: Sequence[str]) -> str:
    return "\n".join(words)


def sentence_field(row_id: str) -> Field:
    return Field("qa_sentences", "text", row_id)


def finding_field(row_id: str) -> Field:
    return Field("qa_findings", "text", row_id)


def keywords_field(inspection_id: str) -> Field:
    return Field("qa_inspections", "keywords", inspection_id)


def note_field(alert_id: str) -> Field:
    return Field("qa_alerts", "note", alert_id)
