"""Detectors of contact data, masks, decisions and opt-out words, by tables."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages.optout import find_opt_out
from gateway.messages.rulefile import optout_words, screening_policy
from gateway.messages.screening.decide import decide
from gateway.messages.screening.detect import NOTHING, Allowed, detect, mask
from gateway.messages.screening.fold import fold
from gateway.messages.screening.model import Action, DataKind, WordHit
from gateway.messages.screening.numbers import luhn

FOUND = [
    ("请打13800138000", DataKind.PHONE, "13800138000"),
    ("１３８００１３８０００", DataKind.PHONE, "１３８００１３８０００"),
    ("138-0013-8000", DataKind.PHONE, "138-0013-8000"),
    ("138 0013 8000 谢谢", DataKind.PHONE, "138 0013 8000"),
    ("一三八零零一三八零零零", DataKind.PHONE, "一三八零零一三八零零零"),
    ("幺三八洞洞幺三八洞洞洞", DataKind.PHONE, "幺三八洞洞幺三八洞洞洞"),
    ("①③⑧00138000", DataKind.PHONE, "①③⑧00138000"),
    ("1\u200b3\u200b8\u200b0013\u200b8000", DataKind.PHONE, "1\u200b3\u200b8\u200b0013\u200b8000"),
    ("1️⃣3️⃣8️⃣00138000", DataKind.PHONE, "1️⃣3️⃣8️⃣00138000"),
    ("138OO138OOO", DataKind.PHONE, "138OO138OOO"),
    ("l38", None, ""),
    ("+8613800138000", DataKind.PHONE, "+8613800138000"),
    ("+1 202 555 0143", DataKind.PHONE, "+1 202 555 0143"),
    ("010-87654321", DataKind.PHONE, "010-87654321"),
    ("021 6543 2109", DataKind.PHONE, "021 6543 2109"),
    ("400-810-6666", DataKind.PHONE, "400-810-6666"),
    ("1.3.8.0.0.1.3.8.0.0.0", DataKind.PHONE, "1.3.8.0.0.1.3.8.0.0.0"),
    ("身份证11010519491231002X。", DataKind.ID_CARD, "11010519491231002X"),
    ("11010519491231002x", DataKind.ID_CARD, "11010519491231002x"),
    ("110105 19491231 002X", DataKind.ID_CARD, "110105 19491231 002X"),
    ("卡号 4111 1111 1111 1111", DataKind.BANK_CARD, "4111 1111 1111 1111"),
    ("加我微信 zhang_san88", DataKind.WECHAT, "zhang_san88"),
    ("薇信号：abc-12345", DataKind.WECHAT, "abc-12345"),
    ("加v:lisi2026", DataKind.WECHAT, "lisi2026"),
    ("vx号是wang_wu", DataKind.WECHAT, "wang_wu"),
    ("wxid_a1b2c3d4e5", DataKind.WECHAT, "wxid_a1b2c3d4e5"),
    ("ｗｅｃｈａｔ：ｚｈａｏ６６６", DataKind.WECHAT, "ｚｈａｏ６６６"),
    ("加我QQ 12345", DataKind.QQ, "12345"),
    ("扣扣号:987654321", DataKind.QQ, "987654321"),
    ("a.b@example.com", DataKind.EMAIL, "a.b@example.com"),
    ("zhang(at)qq点com", DataKind.EMAIL, "zhang(at)qq点com"),
    ("https://t.cn/A6abc?x=1 点开", DataKind.LINK, "https://t.cn/A6abc?x=1"),
    ("看 evil-loan.top/abc", DataKind.LINK, "evil-loan.top/abc"),
    ("去 baidu。com 看", DataKind.LINK, "baidu。com"),
    ("weixin://dl/chat", DataKind.LINK, "weixin://dl/chat"),
    ("192.168.1.10:8080/pay", DataKind.LINK, "192.168.1.10:8080/pay"),
    ("www.pay.example.vip", DataKind.LINK, "www.pay.example.vip"),
    ("编号 7654321", DataKind.NUMBER, "7654321"),
]
CLEAN = [
    "您好，您的账单将于2026-11-21到期，请及时还款。",
    "应还金额12,000.00元，其中本金10000.00元",
    "应还1234567元",
    "20261121",
    "2026-11-21 10:30",
    "一起去三亚，二十一号，三个人",
    "第1期、第2期、第3期",
    "尾号 8000 的账户",
    "我在微信上看到了你们的消息",
    "Q3 的账单",
    "早上8点到晚上10点",
    "您好。请于明天还款。谢谢",
    "【示例机构】您的还款日为15日，拒收请回复TD",
]


@pytest.mark.parametrize(("text", "kind", "written"), FOUND)
def test_detectors_find_what_is_hidden(text, kind, written):
    spots = detect(text)
    if kind is None:
        assert spots == ()
        return
    assert [spot.kind for spot in spots] == [kind]
    if written is not None:
        assert text[spots[0].begin : spots[0].end] == written


@pytest.mark.parametrize("text", CLEAN)
def test_detectors_leave_ordinary_words_alone(text):
    assert detect(text) == ()
    assert mask(text, detect(text)) == text


def test_a_bank_card_needs_its_check_digit():
    body = "622202123456789012"
    good = next(body + str(digit) for digit in range(10) if luhn(body + str(digit)))
    assert [s.kind for s in detect(f"卡{good}")] == [DataKind.BANK_CARD]
    bad = body + str((int(good[-1]) + 1) % 10)
    assert [s.kind for s in detect(f"卡{bad}")] == [DataKind.NUMBER]


def test_own_lines_and_sites_may_be_said():
    allowed = Allowed(numbers=frozenset({"4008106666"}), hosts=frozenset({"bank.example"}))
    assert detect("客服400-810-6666，网址 https://pay.bank.example/x", allowed) == ()
    assert [s.kind for s in detect("https://bank.example.evil.top/x", allowed)] == [DataKind.LINK]
    assert [s.kind for s in detect("https://bank.example@evil.top/x", allowed)] == [DataKind.LINK]


def test_the_customers_number_is_found_whatever_stands_between():
    text = "幺三捌 我 00 的 1三八 号 000"
    assert detect(text) == ()
    (spot,) = detect(text, own=("13800138000",))
    assert mask(text, (spot,)) == "138****8000"


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["", " ", "-", ".", "\u200b"]))
def test_no_mobile_survives_masking(before, after, gap):
    number = gap.join("13912345678")
    text = f"{before}，{number}，{after}"
    masked = mask(text, detect(text, own=("13912345678",)))
    assert "13912345678" not in fold(masked).text.replace(gap, "") if gap else True
    assert number not in masked


@given(st.text(max_size=80))
def test_spots_are_ordered_and_apart(text):
    spots = detect(text)
    assert all(0 <= spot.begin < spot.end <= len(text) for spot in spots)
    assert all(a.end <= b.begin for a, b in pairwise(spots))


def hit(category, severity="moderate", **more):
    return WordHit("t1", category, severity, 0, 2, **more)


@pytest.mark.parametrize(
    ("text", "hits", "action"),
    [
        ("您好", [], Action.DELIVER),
        ("电话13800138000", [], Action.MASK),
        ("打钱到6217002870000000019", [], None),
        ("x", [hit("threat")], Action.BLOCK),
        ("x", [hit("threat", confidence=0.4)], Action.HOLD),
        ("x", [hit("threat", "minor")], Action.HOLD),
        ("x", [hit("over_promise")], Action.HOLD),
        ("x", [hit("over_promise", "severe")], Action.BLOCK),
        ("x", [hit("something-new")], Action.HOLD),
        ("x", [hit("something-new", fatal=True)], Action.BLOCK),
        ("电话13800138000", [hit("over_promise")], Action.HOLD),
    ],
)
def test_the_gravest_consequence_decides(text, hits, action):
    screened = decide(text, hits, screening_policy(), NOTHING)
    if action is not None:
        assert screened.action is action
    assert "13800138000" not in screened.text
    assert all(finding.zh and finding.en for finding in screened.findings)


@pytest.mark.parametrize(
    "text",
    ["TD", "td", "ＴＤ", " T ", "t.", "退订", "退订！", "N", "STOP", "Stop all", "请退订吧", "不要再发了", "别再打电话给我了",
     "不要再联系我", "opt-out", "Opt out please", "回TD"],
)  # fmt: skip
def test_words_that_end_contacts(text):
    found = find_opt_out(text, optout_words())
    assert found is not None
    assert found.rules_version == "opt-out-words@1"


@pytest.mark.parametrize(
    "text",
    ["", "Tomorrow", "好的", "N多问题", "怎么退订？", "我不退订", "停一下", "end of month", "T恤", "不是"],
)
def test_words_that_do_not(text):
    assert find_opt_out(text, optout_words()) is None
