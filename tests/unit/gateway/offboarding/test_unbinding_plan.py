"""The plan is pure: what becomes of each binding, one digest for one plan, what changed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.offboarding import plan
from gateway.offboarding.model import Change, Facts, Held, Move, Passing, Person, StepKind

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
AGENT = frozenset({"agent"})
LEAVER = Person("a" * 32, active=True, department_id="d" * 32, path="/d/", roles=AGENT, name="离职者")
SUCCESSOR = Person("b" * 32, active=True, department_id="d" * 32, path="/d/", roles=AGENT)
FACTS = Facts(
    employee=LEAVER,
    successor=SUCCESSOR,
    customers=frozenset({"c1", "c2"}),
    bindings={"b1": Move.MOVE, "b2": Move.RELEASE},
    threads=frozenset({"t1"}),
    duties={"alerts": frozenset({"x"})},
    phones=frozenset({"p1", "p2"}),
    passing=Passing(sessions=2, live_calls=1),
)

held = st.builds(
    Held,
    id=st.uuids().map(str),
    customer_id=st.sampled_from("klm"),
    line_id=st.sampled_from("xyz"),
    purpose=st.sampled_from(["sales", "collection"]),
    direct_dial=st.booleans(),
    expires_at=st.sampled_from([NOW, NOW - timedelta(1), LATER]),
)


def one(**change: object) -> Held:
    return replace(Held("b1", "c1", "x", "sales", direct_dial=True, expires_at=LATER), **change)  # type: ignore[arg-type]


def test_each_binding_goes_where_it_can() -> None:
    theirs = [one(id="o", customer_id="c9", line_id="y")]
    assert plan.moves([one()], theirs, NOW) == {"b1": Move.MOVE}
    assert plan.moves([one(line_id="y")], theirs, NOW) == {"b1": Move.BY_TOKEN}
    assert plan.moves([one(line_id="y", direct_dial=False)], theirs, NOW) == {"b1": Move.MOVE}
    assert plan.moves([one(customer_id="c9")], theirs, NOW) == {"b1": Move.RELEASE}
    assert plan.moves([one(customer_id="c9", purpose="service")], theirs, NOW) == {"b1": Move.MOVE}
    assert plan.moves([one(customer_id="c9", expires_at=NOW)], theirs, NOW) == {"b1": Move.EXPIRE}


@given(st.lists(held, max_size=8), st.lists(held, max_size=8))
def test_what_is_moved_never_breaks_the_rules_of_bindings(mine: list[Held], theirs: list[Held]) -> None:
    """The unique indexes would refuse it: one binding a pair and purpose, one direct dial a line."""
    mine = list({(m.customer_id, m.purpose): m for m in mine}.values())
    mine = list({(m.line_id if m.direct_dial else m.id): m for m in mine}.values())
    theirs = list({(t.customer_id, t.purpose): t for t in theirs}.values())
    theirs = list({(t.line_id if t.direct_dial else t.id): t for t in theirs}.values())
    decided = plan.moves(mine, theirs, NOW)
    after = list(theirs)
    for binding in mine:
        if decided[binding.id] is Move.MOVE:
            after.append(binding)
        elif decided[binding.id] is Move.BY_TOKEN:
            after.append(replace(binding, direct_dial=False))
    assert len({(row.customer_id, row.purpose) for row in after}) == len(after)
    dialled = [row.line_id for row in after if row.direct_dial]
    assert len(set(dialled)) == len(dialled)
    assert decided.keys() == {binding.id for binding in mine}


def test_the_digest_knows_ids_only_and_no_order() -> None:
    document = plan.plan_bytes(FACTS, wipe=False)
    turned = replace(FACTS, bindings={"b2": Move.RELEASE, "b1": Move.MOVE})
    assert plan.plan_bytes(turned, wipe=False) == document
    assert plan.digest_of(document) != plan.digest_of(plan.plan_bytes(FACTS, wipe=True))
    assert LEAVER.name not in document.decode()
    assert json.loads(document)["customers"] == ["c1", "c2"]
    passing = replace(FACTS, passing=Passing())
    assert plan.plan_bytes(passing, wipe=False) == document, "what passes by makes no plan another"


def test_changes_name_the_part_and_how_many() -> None:
    before = plan.plan_bytes(FACTS, wipe=False)
    assert plan.changes(before, before) == ()
    now = replace(
        FACTS,
        customers=frozenset({"c2", "c3", "c4"}),
        duties={},
        bindings={"b1": Move.BY_TOKEN, "b2": Move.RELEASE},
        successor=replace(SUCCESSOR, active=False),
    )
    assert plan.changes(before, plan.plan_bytes(now, wipe=False)) == (
        Change("bindings", 1, 1),
        Change("customers", 2, 1),
        Change("duties.alerts", 0, 1),
        Change("successor", 1, 1),
    )


def test_every_step_has_words_in_both_languages() -> None:
    for kind in StepKind:
        effect = plan.effect(kind, 7)
        assert effect.zh
        assert effect.en
        assert effect.undo in {"yes", "part", "no"}
        assert "{" not in effect.zh + effect.en


def test_the_preview_leaves_out_what_concerns_nothing() -> None:
    kinds = [effect.kind for effect in plan.effects(FACTS, wipe=False)]
    assert StepKind.WIPE not in kinds
    assert StepKind.MESSAGES not in kinds
    assert kinds[0] is StepKind.ACCOUNT
    assert StepKind.WIPE in [effect.kind for effect in plan.effects(FACTS, wipe=True)]


def test_a_successor_is_needed_only_for_what_goes_on() -> None:
    nothing = Facts(employee=LEAVER, successor=None, bindings={"b1": Move.EXPIRE})
    assert not plan.needs_successor(nothing)
    assert plan.needs_successor(replace(nothing, threads=frozenset({"t"})))
    assert not plan.fits(replace(SUCCESSOR, roles=frozenset({"auditor"})))
    assert not plan.fits(replace(SUCCESSOR, active=False))
