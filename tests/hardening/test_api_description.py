"""Schemathesis reads /openapi.json and asks every operation nonsense and sense, alone and in sequences.

No server error, no answer that the description does not promise, whatever is sent.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.browser.stage import Stage

CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
)
EXAMPLES = 6
STEPS = 12
# An event stream has no end that a client could wait for.
WITHOUT_END = "text/event-stream"


@pytest.fixture
def schema(stage: Stage) -> Any:
    """Read the description as an administrator gets it."""
    token = stage.run(stage.seeder.token("admin"))
    return schemathesis.openapi.from_url(
        f"{stage.url}/openapi.json", headers={"Authorization": f"Bearer {token}"}
    )


def asked_as(stage: Stage, username: str) -> dict[str, str]:
    """A session of its own for each request: some operations end the one they are asked with."""
    return {"Authorization": f"Bearer {stage.run(stage.seeder.token(username))}"}


def operations(schema: Any) -> list[Any]:
    """Every operation that answers and ends."""
    found = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if WITHOUT_END not in str(operation.definition.raw.get("responses", {})):
            found.append(operation)
    return found


@pytest.mark.parametrize("username", ["admin", "chen"])
def test_every_operation_keeps_what_it_promises(stage: Stage, schema: Any, username: str) -> None:
    """Each operation by itself, with arguments that fit the description and with such that do not."""
    asked = operations(schema)
    assert len(asked) > 60
    for operation in asked:
        _fuzz(stage, operation, username)


def _fuzz(stage: Stage, operation: Any, username: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        case.call_and_validate(headers=asked_as(stage, username), checks=list(CHECKS))

    given(case=operation.as_strategy())(ask)()


def test_sequences_of_operations_keep_what_they_promise(stage: Stage, schema: Any) -> None:
    """What one operation answered with is asked for by the next: made, changed, read, taken away."""
    machine = schema.as_state_machine()

    class Sequences(machine):  # type: ignore[valid-type,misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": asked_as(stage, "admin")}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            case.validate_response(response, checks=list(CHECKS))

    Sequences.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
