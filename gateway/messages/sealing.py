"""Seals what was written under the customer's own key, proves it by an HMAC, and opens it again."""

import hashlib
import hmac

from core.sealed import Field
from core.vault import Cipher
from gateway.messages.models import AttachmentRow, MessageRow

MESSAGES = "gw_messages"
ATTACHMENTS = "gw_attachments"


def put_body(row: MessageRow, cipher: Cipher, text: str, sent: str | None = None) -> None:
    """Seal a text, and what leaves instead of it if that is not the same."""
    row.body = cipher.seal(Field(MESSAGES, "body", row.id), text)
    if sent is not None and sent != text:
        row.sent_body = cipher.seal(Field(MESSAGES, "sent_body", row.id), sent)
    row.body_mac = mac(cipher, "body", text)


def body_of(row: MessageRow, cipher: Cipher | None) -> str:
    """Open what was written; "" once the customer is erased."""
    if cipher is None or row.body is None:
        return ""
    return cipher.open_text(Field(MESSAGES, "body", row.id), row.body)


def sent_body_of(row: MessageRow, cipher: Cipher | None) -> str:
    """Open what leaves or left."""
    if cipher is None or row.sent_body is None:
        return body_of(row, cipher)
    return cipher.open_text(Field(MESSAGES, "sent_body", row.id), row.sent_body)


def put_review_note(row: MessageRow, cipher: Cipher, note: str) -> None:
    row.review_note = cipher.seal(Field(MESSAGES, "review_note", row.id), note)


def review_note_of(row: MessageRow, cipher: Cipher | None) -> str:
    """Open what the reviewer said to the author; "" for nothing."""
    if cipher is None or row.review_note is None:
        return ""
    return cipher.open_text(Field(MESSAGES, "review_note", row.id), row.review_note)


def mac(cipher: Cipher, purpose: str, text: str) -> str:
    """Give an HMAC (64 hexadecimal characters) of a text: a plain hash of a short text could be guessed."""
    key = cipher.derive_key(f"message-mac/{purpose}")
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def attachment_key(cipher: Cipher, attachment_id: str) -> bytes:
    """Derive the key of an attachment's blob; it dies with the customer's key."""
    return cipher.derive_key(f"attachment/{attachment_id}")


def put_file_name(row: AttachmentRow, cipher: Cipher, name: str) -> None:
    if name:
        row.file_name = cipher.seal(Field(ATTACHMENTS, "file_name", row.id), name)


def file_name_of(row: AttachmentRow, cipher: Cipher | None) -> str:
    if cipher is None or row.file_name is None:
        return ""
    return cipher.open_text(Field(ATTACHMENTS, "file_name", row.id), row.file_name)


def put_read_text(row: AttachmentRow, cipher: Cipher, text: str) -> None:
    row.read_text = cipher.seal(Field(ATTACHMENTS, "read_text", row.id), text)


def read_text_of(row: AttachmentRow, cipher: Cipher | None) -> str:
    if cipher is None or row.read_text is None:
        return ""
    return cipher.open_text(Field(ATTACHMENTS, "read_text", row.id), row.read_text)


def covered_text_of(row: AttachmentRow, cipher: Cipher | None) -> str:
    """Open what was read with `*` where the reader heard a number."""
    characters = list(read_text_of(row, cipher))
    for begin, end in row.read_hidden or ():
        characters[begin:end] = "*" * len(characters[begin:end])
    return "".join(characters)
