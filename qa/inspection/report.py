"""The report of an inspection: what was found, what it cost, what to do. No spoken word is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from qa.inspection.model import Band, Score, Scored
from qa.inspection.rulebook import LexiconRule, RequiredRule, Rulebook, Words
from qa.inspection.segmenter import Topics
from qa.lexicon.model import Severity
from qa.speech.engine import Role, Transcript

_BANDS = {
    Band.PASS: Words(zh="合格", en="Pass"),
    Band.COACH: Words(zh="需辅导", en="Needs coaching"),
    Band.FLAG: Words(zh="不合格", en="Flagged"),
}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CategoryReport(_Shape):
    """One kind of misconduct: how often, how bad, what it cost."""

    category: str
    title: Words
    severity: Severity
    count: int
    suspected: int
    deduction: int


class RuleReport(_Shape):
    """One rule that was hit."""

    rule_id: str
    title: Words
    count: int
    suspected: int
    deduction: int
    fatal: bool
    advice: Words | None


class TalkReport(_Shape):
    """Who spoke how much; milliseconds, share in percent. `unread_ms` is speech that could not be read."""

    duration_ms: int
    staff_ms: int
    customer_ms: int
    staff_share: int
    sentences: int
    unread_ms: int


class ThreadReport(_Shape):
    """How much was written on a day. `stopped` never left; `unread_voices` could not be read by a machine."""

    messages: int
    staff: int
    customer: int
    stopped: int
    recalled: int
    unread_voices: int


class TopicReport(_Shape):
    id: str
    title: Words


class Report(_Shape):
    """The stored report. Its shape is versioned: old ones are shown as they were written."""

    format: int = 1
    score: int | None
    band: str | None
    band_title: Words | None
    fatal: bool
    summary: Words
    categories: tuple[CategoryReport, ...] = ()
    rules: tuple[RuleReport, ...] = ()
    talk: TalkReport | None = None
    thread: ThreadReport | None = None
    topics: tuple[TopicReport, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tally:
    count: int
    suspected: int
    deduction: int


NOTHING = {
    "no-recording": Words(zh="本次触达没有录音，无可质检内容。", en="No recording: nothing to inspect."),
    "no-speech": Words(zh="录音中没有可辨识的语音。", en="No speech could be read in the recording."),
    "no-text": Words(zh="当日没有发出可质检的文字。", en="Nothing was sent that could be read."),
}


def empty_report(nothing: str) -> Report:
    """Give the report of a contact that has nothing to inspect; no score."""
    return Report(score=None, band=None, band_title=None, fatal=False, summary=NOTHING[nothing])


def build_report(score: Score, transcript: Transcript, rulebook: Rulebook, topics: Topics) -> Report:
    """Sum up a scored transcript."""
    text = "\n".join(sentence.text for sentence in transcript.sentences)
    return _report(score, text, rulebook, topics, talk=_talk(transcript))


def build_thread_report(
    score: Score, text: str, figures: ThreadReport, rulebook: Rulebook, topics: Topics
) -> Report:
    """Sum up a scored day of a thread; `text` is all that was written."""
    return _report(score, text, rulebook, topics, thread=figures)


def _report(
    score: Score,
    text: str,
    rulebook: Rulebook,
    topics: Topics,
    *,
    talk: TalkReport | None = None,
    thread: ThreadReport | None = None,
) -> Report:
    return Report(
        score=score.value,
        band=score.band,
        band_title=_BANDS[score.band],
        fatal=score.fatal,
        summary=_summary(score, rulebook),
        categories=_categories(score, rulebook),
        rules=_rules(score, rulebook),
        talk=talk,
        thread=thread,
        topics=tuple(
            TopicReport(id=name, title=Words(zh=topics.topics[name].zh, en=topics.topics[name].en))
            for name in topics.of(text)[:5]
        ),
    )


def _summary(score: Score, rulebook: Rulebook) -> Words:
    sure = [item.finding for item in score.findings if not item.finding.suspected]
    band, count, suspected = _BANDS[score.band], len(score.findings), len(score.findings) - len(sure)
    zh, en = f"{score.value} 分，{band.zh}", f"Score {score.value}, {band.en}"
    if not count:
        return Words(zh=f"{zh}。未发现违规。", en=f"{en}. Nothing found.")
    zh, en = f"{zh}。命中 {count} 处", f"{en}. Findings: {count}"
    if suspected:
        zh, en = f"{zh}（疑似 {suspected} 处）", f"{en} ({suspected} suspected)"
    names = [rulebook.category(name) for name in dict.fromkeys(finding.category for finding in sure)]
    if names:
        zh += "：" + "、".join(name.zh for name in names)
        en += ": " + ", ".join(name.en for name in names)
    if score.fatal:
        zh, en = zh + "；含致命项", en + "; fatal item"
    return Words(zh=zh + "。", en=en + ".")


def _tally(items: Sequence[Scored]) -> _Tally:
    return _Tally(
        len(items), sum(item.finding.suspected for item in items), sum(item.deduction for item in items)
    )


def _categories(score: Score, rulebook: Rulebook) -> tuple[CategoryReport, ...]:
    names = dict.fromkeys(item.finding.category for item in score.findings)
    reports = []
    for name in names:
        items = [item for item in score.findings if item.finding.category == name]
        tally = _tally(items)
        reports.append(
            CategoryReport(
                category=name,
                title=rulebook.category(name),
                severity=max((item.finding.severity for item in items), key=lambda severity: severity.rank),
                count=tally.count,
                suspected=tally.suspected,
                deduction=tally.deduction,
            )
        )
    return tuple(sorted(reports, key=lambda item: (-item.deduction, -item.severity.rank)))


def _rules(score: Score, rulebook: Rulebook) -> tuple[RuleReport, ...]:
    reports = []
    for rule_id in dict.fromkeys(item.finding.rule_id for item in score.findings):
        items = [item for item in score.findings if item.finding.rule_id == rule_id]
        rule: LexiconRule | RequiredRule | None = rulebook.rule(rule_id)
        tally = _tally(items)
        reports.append(
            RuleReport(
                rule_id=rule_id,
                title=rule.title if rule else Words(zh=rule_id, en=rule_id),
                count=tally.count,
                suspected=tally.suspected,
                deduction=tally.deduction,
                fatal=any(item.finding.fatal for item in items),
                advice=rule.advice if rule else None,
            )
        )
    return tuple(reports)


def _talk(transcript: Transcript) -> TalkReport:
    spoken = {Role.STAFF: 0, Role.CUSTOMER: 0}
    for sentence in transcript.sentences:
        spoken[sentence.role] += max(0, sentence.end_ms - sentence.begin_ms)
    total = sum(spoken.values())
    return TalkReport(
        duration_ms=transcript.duration_ms,
        staff_ms=spoken[Role.STAFF],
        customer_ms=spoken[Role.CUSTOMER],
        staff_share=round(100 * spoken[Role.STAFF] / total) if total else 0,
        sentences=len(transcript.sentences),
        unread_ms=sum(span.length_ms for channel in transcript.channels for span in channel.unread),
    )
