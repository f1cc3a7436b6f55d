"""The report says what was found in both languages, and quotes nothing."""

from pathlib import Path

from qa.inspection.digest import findings_hash
from qa.inspection.report import Report, build_report, empty_report
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.scoring import score
from qa.inspection.segmenter import JiebaSegmenter, own_topics
from qa.inspection.texts import mask_numbers
from qa.lexicon.loader import own_lexicon
from qa.speech.engine import ChannelSummary, EngineInfo, Role, Span, Transcript
from tests.support.inspection import say

TURNS = (
    ("staff", "您好，我是示例金融的客户经理，您的逾期欠款今天能还吗"),
    ("customer", "我失业了，利息太高"),
    ("staff", "再不还我就告诉你家人，你个王八蛋"),
)


def build(turns=TURNS) -> Report:
    inspector = Inspector(own_rulebook(), own_lexicon())
    sentences = say(*turns)
    result = score(
        inspector.inspect(sentences, purpose="collection", direction="outbound"), own_rulebook().scoring
    )
    channels = (ChannelSummary(Role.STAFF, (Span(0, 9000),), (Span(7000, 7500),)),)
    transcript = Transcript(EngineInfo("t", "1", "m", "f"), 9000, sentences, channels)
    return build_report(result, transcript, own_rulebook(), own_topics())


def test_report_sums_up() -> None:
    report = build()
    assert report.score == 40
    assert report.summary.zh == "40 分，不合格。命中 2 处：向第三人披露、辱骂。"
    assert report.summary.en == "Score 40, Flagged. Findings: 2: Disclosure to third parties, Insult."
    assert [(item.category, item.deduction) for item in report.categories] == [
        ("disclosure", 30),
        ("insult", 30),
    ]
    assert all(rule.advice for rule in report.rules)
    assert (report.talk.staff_ms, report.talk.customer_ms, report.talk.staff_share) == (4000, 2000, 67)
    assert report.talk.unread_ms == 500
    assert {topic.id for topic in report.topics} == {"repayment", "hardship", "rate"}


def test_report_quotes_nothing_and_survives_storage() -> None:
    report = build()
    stored = report.model_dump_json()
    assert "告诉你家人" not in stored
    assert "王八蛋" not in stored
    assert Report.model_validate_json(stored) == report


def test_clean_and_empty_reports() -> None:
    assert build(TURNS[:2]).summary.zh == "100 分，合格。未发现违规。"
    assert empty_report("no-recording").score is None


def test_hash_of_findings_changes_with_them_and_not_with_the_words() -> None:
    inspector = Inspector(own_rulebook(), own_lexicon())

    def digest(*turns):
        found = inspector.inspect(say(*turns), purpose="collection", direction="inbound")
        return findings_hash(score(found, own_rulebook().scoring).findings)

    assert digest(("staff", "告诉你家人")) == digest(("staff", "告诉你父母"))
    assert digest(("staff", "告诉你家人")) != digest(("staff", "会告诉你家人"))


def test_numbers_are_masked_over_sentences_of_one_speaker() -> None:
    roles = ["customer", "staff", "customer"]
    assert mask_numbers(roles, ["一三八零", "嗯", "0138000"]) == ["****", "嗯", "*******"]
    assert mask_numbers(roles, ["138", "0013", "8 点"]) == ["138", "0013", "8 点"]


def test_jieba_keeps_its_cache_to_itself_and_knows_the_trade(tmp_path: Path) -> None:
    cache = tmp_path / "jieba"
    words = JiebaSegmenter(cache).keywords("请加我的私人微信私下办理，电话13800138000，年化利率", 8)
    assert {"私人微信", "私下办理", "年化利率"} <= set(words)
    assert not any(any(map(str.isdigit, word)) for word in words)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (cache / "jieba.cache").exists()
