"""Wires the list of file operations: what was done here, in messages, and on phones."""

from core.fileops.accesses import AccessOperations
from core.fileops.service import FileOperations
from devicepolicy.uploads.file_operations import PhoneOperations
from gateway.customers.sealing import CustomerSealing
from gateway.messages.file_operations import MessageOperations
from maskline.ground import Ground
from maskline.wiring.uploads import covered


def file_operations(ground: Ground) -> FileOperations:
    """Build the list."""
    return FileOperations(
        ground.database,
        [
            AccessOperations(),
            MessageOperations(ground.subject_keys, CustomerSealing(ground.vault)),
            PhoneOperations(ground.vault, ground.subject_keys, cover=covered),
        ],
        notes=ground.access_log,
        catch_up=ground.audit.catch_up,
    )
