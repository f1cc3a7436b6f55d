"""What crosses between the legs of a call: only these codes."""

from gateway.calls.causes import Cause, refusal_status
from gateway.switch.causes import causes
from reference_blocks.markdown import code, table


def remote() -> str:
    """What a remote answers and what `calls` hears of it."""
    found = causes()
    rows = [(status, ours, found.phrases[ours]) for status, ours in sorted(found.remote.items())]
    rows += [
        (f"其他 / other {first}xx", ours, found.phrases[ours])
        for first, ours in sorted(found.remote_class.items())
    ]
    return table(("对端应答 / remote answers", "calls 得到 / calls hears", "短语 / phrase"), rows)


def phrases() -> str:
    """Every status that leaves the switch."""
    return table(("状态 / status", "短语 / phrase"), sorted(causes().phrases.items()))


def call_causes() -> str:
    """The causes of the call record and what a leg that waits is refused with."""
    return table(
        ("原因 / cause", "等待中的话路得到 / a waiting leg gets"),
        [(code(cause.value), refusal_status(cause)) for cause in Cause],
    )
