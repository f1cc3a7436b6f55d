"""Whatever was screened before a day ends, the day finds the same, once, and keeps what was written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qa.inspection.model import Finding
from qa.inspection.models import FindingRow
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.scoring import score
from qa.lexicon.loader import own_lexicon
from qa.ports import MessageText
from qa.speech.engine import Role
from qa.threads.judging import covered_text, finding_key, join, judge, row_key, sentences_of, unscored

INSPECTOR = Inspector(own_rulebook(), own_lexicon())
BEGIN = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
PHRASES = (
    "您好", "再不还钱就告诉你家人", "你个王八蛋，臭不要脸", "我弄死你，打断你的腿", "保证下款，百分百通过", "加我微信，私下转给我",
    "好的，谢谢",
)  # fmt: skip


def message(number: int, role: Role, text: str, **more: object) -> MessageText:
    return MessageText(f"m{number}", role, BEGIN + timedelta(seconds=number), said=True, text=text, **more)


def findings(texts: tuple[MessageText, ...]) -> tuple[Finding, ...]:
    return judge(INSPECTOR, texts, sentences_of(texts, BEGIN), "collection")


def rows(texts: tuple[MessageText, ...], first: int = 0) -> list[FindingRow]:
    """Screen messages one by one, as they are sent."""
    made = []
    for text in texts:
        found = findings((text,))
        for finding, item in zip(found, unscored(found), strict=True):
            made.append(
                FindingRow(
                    id=f"f{first + len(made)}", idx=first + len(made), rule_id=finding.rule_id,
                    rule_version=finding.rule_version, term_id=finding.term_id, category=finding.category,
                    severity=finding.severity, role=finding.role, sentence_index=None,
                    begin_ms=finding.begin_ms, end_ms=finding.end_ms, char_begin=finding.char_begin,
                    char_end=finding.char_end, matched_by=finding.matched_by, confidence=finding.confidence,
                    suspected=finding.suspected, fatal=finding.fatal, deduction=item.deduction,
                    message_id=text.message_id, attachment_id=text.attachment_id,
                )
            )  # fmt: skip
    return made


days = st.lists(
    st.tuples(
        st.sampled_from(list(Role)), st.lists(st.sampled_from(PHRASES), min_size=1, max_size=2).map("。".join)
    ),
    max_size=6,
).map(lambda said: tuple(message(number, role, text) for number, (role, text) in enumerate(said)))


@given(days, st.data())
def test_what_was_screened_before_changes_nothing_of_the_day(
    texts: tuple[MessageText, ...], data: st.DataObject
) -> None:
    screened = tuple(data.draw(st.permutations(texts)))[: data.draw(st.integers(0, len(texts)))]
    known = rows(screened)
    found = findings(texts)
    joined = join(found, known, texts, INSPECTOR)
    plain = join(found, [], texts, INSPECTOR)
    scheme = own_rulebook().scoring
    assert [finding_key(item, texts) for item in joined.findings] == [
        finding_key(item, texts) for item in plain.findings
    ]
    assert {row.id for row in joined.known.values()} == {row.id for row in known}
    for place, row in joined.known.items():
        assert finding_key(joined.findings[place], texts) == row_key(row)
    first, second = score(joined.findings, scheme), score(plain.findings, scheme)
    assert (first.value, first.band, first.fatal) == (second.value, second.band, second.fatal)
    assert [item.deduction for item in first.findings] == [item.deduction for item in second.findings]
    assert not any(item.alerts for place, item in enumerate(joined.findings) if place in joined.known)


def test_a_finding_of_a_former_rule_stays_and_counts() -> None:
    texts = (message(1, Role.STAFF, "您好"),)
    (row, *_) = rows((message(1, Role.STAFF, "再不还钱就告诉你家人"),))
    joined = join(findings(texts), [row], texts, INSPECTOR)
    (finding,) = joined.findings
    assert (finding.rule_id, finding.sentence_index, finding.alerts) == (row.rule_id, 0, False)
    assert score(joined.findings, own_rulebook().scoring).value == 70


def test_a_finding_of_a_message_that_was_not_said_after_all_has_no_sentence() -> None:
    known = rows((message(1, Role.STAFF, "再不还钱就告诉你家人"),))
    joined = join((), known, (), INSPECTOR)
    assert [finding.sentence_index for finding in joined.findings] == [None] * len(known)


def test_words_of_a_finding_hold_no_contact_data() -> None:
    text = "加我微信abc12345"
    begin = text.index("abc")
    hidden = message(1, Role.STAFF, text, hidden=((begin, len(text)),))
    assert covered_text(hidden) == "加我微信********"
    assert all("abc" not in finding.text for finding in findings((hidden,)))
    numbered = replace(hidden, text="打 138 0013 8000", hidden=())
    assert covered_text(numbered) == "打 *** **** ****"


def test_times_are_those_of_sending_and_never_before_the_day() -> None:
    texts = (
        message(3, Role.STAFF, "您好"),
        replace(message(1, Role.CUSTOMER, "在"), at=BEGIN - timedelta(hours=1)),
    )
    assert [(one.begin_ms, one.end_ms) for one in sentences_of(texts, BEGIN)] == [(3000, 3000), (0, 0)]


def test_nothing_that_opens_a_call_is_asked_of_a_thread() -> None:
    texts = tuple(message(number, Role.STAFF, "请尽快处理") for number in range(5))
    assert findings(texts) == ()
