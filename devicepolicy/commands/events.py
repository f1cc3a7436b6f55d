"""What happened to commands, told in the same transaction."""

from dataclasses import dataclass

from devicepolicy.commands.kinds import CommandKind, ErrorCode
from devicepolicy.commands.machine import Cause, CommandState


@dataclass(frozen=True, slots=True)
class CommandIssued:
    """Somebody ordered a phone to do something; it may still wait for a second person."""

    command_id: str
    device_id: str
    kind: CommandKind
    issued_by: str | None
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class CommandFinished:
    """How a command ended. Told again if the phone's later word corrects it: `corrected` then."""

    command_id: str
    device_id: str
    kind: CommandKind
    state: CommandState
    cause: Cause | None
    error: ErrorCode | None
    corrected: bool
