"""Applies the rules to a transcript: sentences in, findings out. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from qa.inspection.model import Finding
from qa.inspection.rulebook import Chats, LexiconRule, RequiredRule, Rulebook
from qa.lexicon.matcher import Lexicon
from qa.lexicon.model import Hit, MatchedBy, Scene, Speaker
from qa.speech.engine import Role, Sentence

NO_SCOPES: Mapping[str, Chats] = MappingProxyType({})


class Inspector:
    """A rulebook and a lexicon, ready to use. Immutable; may be used by several threads."""

    def __init__(self, rulebook: Rulebook, lexicon: Lexicon) -> None:
        self.rulebook = rulebook
        self.lexicon = lexicon
        self._required = tuple((rule, Lexicon([rule.as_pack()])) for rule in rulebook.required_rules)

    def inspect(
        self,
        sentences: Sequence[Sentence],
        *,
        purpose: str,
        direction: str,
        in_group: Collection[int] = (),
        scopes: Mapping[str, Chats] = NO_SCOPES,
    ) -> tuple[Finding, ...]:
        """Give all findings, those with evidence in the order of the call first.

        `in_group`: places of sentences that were written in a group chat. `scopes`: what was chosen for a
        rule instead of its own.
        """
        scene = Scene(purpose) if purpose in set(Scene) else Scene.ANY
        found = [
            finding
            for index, sentence in enumerate(sentences)
            for finding in self._said(index, sentence, scene)
            if self._holds(finding.rule_id, scopes, in_group=index in in_group)
        ]
        missing = [
            _not_said(rule, self.rulebook.version)
            for rule, wanted in self._required
            if direction in rule.directions and _is_missing(rule, wanted, sentences)
        ]
        return (*found, *missing)

    def _said(self, index: int, sentence: Sentence, scene: Scene) -> Iterator[Finding]:
        for hit in self.lexicon.find(sentence.text, Speaker(sentence.role), scene):
            for rule in self.rulebook.lexicon_rules:
                if rule.covers(hit.term.category, sentence.role, scene):
                    yield self._finding(rule, hit, index, sentence)

    def _holds(self, rule_id: str, scopes: Mapping[str, Chats], *, in_group: bool) -> bool:
        rule = self.rulebook.rule(rule_id)
        own = rule.chats if isinstance(rule, LexiconRule) else Chats.ANY
        return scopes.get(rule_id, own).holds(in_group=in_group)

    def _finding(self, rule: LexiconRule, hit: Hit, index: int, sentence: Sentence) -> Finding:
        scoring = self.rulebook.scoring
        trust = min(1.0, sentence.confidence / scoring.trusted_speech) if scoring.trusted_speech else 1.0
        confidence = round(hit.confidence * trust, 3)
        suspected = confidence < scoring.suspected_below
        begin_ms, end_ms = _times(sentence, hit.begin, hit.end)
        severity = hit.term.severity
        return Finding(
            rule_id=rule.id,
            rule_version=rule.version or self.rulebook.version,
            term_id=hit.term.id,
            category=hit.term.category,
            severity=severity,
            role=sentence.role,
            sentence_index=index,
            begin_ms=begin_ms,
            end_ms=end_ms,
            char_begin=hit.begin,
            char_end=hit.end,
            text=hit.text,
            matched_by=hit.matched_by,
            confidence=confidence,
            suspected=suspected,
            deducts=rule.deducts and not suspected,
            fatal=hit.term.fatal and rule.deducts and not suspected,
            alerts=rule.alert_from is not None and severity.rank >= rule.alert_from.rank,
        )


def _times(sentence: Sentence, begin: int, end: int) -> tuple[int, int]:
    """Estimate when the characters were spoken, as if each took the same time."""
    length = sentence.end_ms - sentence.begin_ms
    count = max(1, len(sentence.text))
    return sentence.begin_ms + length * begin // count, sentence.begin_ms + -(-length * end // count)


def _is_missing(rule: RequiredRule, wanted: Lexicon, sentences: Sequence[Sentence]) -> bool:
    own = [sentence for sentence in sentences if rule.role in {Speaker.ANY, sentence.role}]
    if len(own) < rule.fewest_sentences:
        return False
    early = (sentence for sentence in own if sentence.begin_ms <= rule.within_ms)
    return not any(wanted.find(sentence.text) for sentence in early)


def _not_said(rule: RequiredRule, version: str) -> Finding:
    return Finding(
        rule_id=rule.id,
        rule_version=rule.version or version,
        term_id=None,
        category=rule.category,
        severity=rule.severity,
        role=Role.STAFF if rule.role is Speaker.ANY else rule.role,
        sentence_index=None,
        begin_ms=0,
        end_ms=rule.within_ms,
        char_begin=0,
        char_end=0,
        text="",
        matched_by=MatchedBy.EXACT,
        confidence=1.0,
        suspected=False,
        deducts=True,
        fatal=False,
        alerts=False,
    )
