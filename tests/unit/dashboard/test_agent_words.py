"""The agent's pages have a text for every word of the house that they show."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboard.pages.agent.calling import STAGES, stage_of
from dashboard.pages.agent.card_inputs import When
from dashboard.render import translate
from gateway.calls.models import CallRow
from gateway.calls.queries import CallState
from gateway.contact.model import Channel, Direction, Outcome
from gateway.customers.model import BlockReason, ConsentSource
from gateway.customers.notes.model import StepKind
from gateway.messages.machine import Cause
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState
from gateway.messages.templating import VariableKind
from gateway.worklist.model import Turn

WORDS: dict[str, Any] = {
    "agent.state": MessageState, "agent.cause": Cause, "agent.kind": ChannelKind, "agent.file": BodyKind,
    "agent.role": MessageRole, "agent.variable": VariableKind, "agent.reason": BlockReason,
    "agent.source": ConsentSource, "agent.step.kind": StepKind, "agent.step.when": When, "agent.turn": Turn,
    "agent.live": STAGES, "agent.channel": Channel, "agent.direction": Direction,
    "agent.outcome.call": Outcome, "agent.outcome.message": Outcome,
}  # fmt: skip


@pytest.mark.parametrize("prefix", WORDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_has_a_text(prefix: str, language: str) -> None:
    for word in WORDS[prefix]:
        assert translate(language, f"{prefix}.{word}")


@pytest.mark.parametrize(
    ("state", "answered", "ringing", "stage"),
    [
        (CallState.PREPARING, False, False, "own-phone"),
        (CallState.RINGING, False, False, "own-phone"),
        (CallState.RINGING, True, False, "dialling"),
        (CallState.RINGING, True, True, "ringing"),
        (CallState.NOTICE, True, True, "notice"),
        (CallState.TALKING, True, True, "talking"),
        (CallState.ENDED, True, True, "ended"),
        (CallState.REFUSED, False, False, "refused"),
    ],
)
def test_a_call_is_where_its_moments_say(state: CallState, answered: bool, ringing: bool, stage: str) -> None:
    row = SimpleNamespace(
        staff_answered_at=1 if answered else None, customer_ringing_at=1 if ringing else None
    )
    assert stage_of(cast("CallRow", row), state) == stage
    assert stage in STAGES
