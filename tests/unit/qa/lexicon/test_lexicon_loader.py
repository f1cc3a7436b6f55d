"""Packs: templates, versions, and clear words about what is wrong."""

import pytest

from qa.lexicon.errors import PackInvalid
from qa.lexicon.loader import expand, own_packs, parse_contexts, parse_pack

GOOD = """
id: tiny
version: "1.2.3"
title: {zh: 小包, en: Tiny}
source: test
licence: Apache-2.0
context:
  before: ["不(?:会|能)"]
terms:
  - {id: add, category: private_deal, severity: moderate, texts: ["加{我|你|}微信"], unless: ["增加微信"]}
"""


def test_good_pack() -> None:
    pack = parse_pack(GOOD, name="tiny.yaml")
    assert pack.terms[0].id == "tiny.add"
    assert pack.terms[0].texts == ("加我微信", "加你微信", "加微信")
    assert pack.version == "1.2.3"


def test_expand() -> None:
    assert list(expand("a{b|c}d{e|}")) == ["abde", "abd", "acde", "acd"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("severity: moderate", "severity: awful"), "terms.0.severity"),
        (("category: private_deal", "category: misc"), "terms.0.category"),
        (('version: "1.2.3"', "version: new"), "version"),
        (("source: test\n", ""), "source: Field required"),
        (("加{我|你|}微信", "加{我|你微信"), "unclosed or nested brace"),
        (("加{我|你|}微信", "信"), "two characters or more"),
        (("加{我|你|}微信", "加我，微信"), "no clause mark"),
        (("不(?:会|能)", "不(?:会"), "not a regular expression"),
        (("severity: moderate,", "severity: moderate, colour: red,"), "colour: Extra inputs"),
        (("before:", "use: [nothing]\n  before:"), "unknown shared context 'nothing'"),
        (("id: tiny", "id: tiny\n\tx: ["), "line 3: not valid YAML"),
    ],
)
def test_bad_pack_names_the_place(change: tuple[str, str], says: str) -> None:
    document = GOOD.replace(*change, 1)
    assert document != GOOD
    with pytest.raises(PackInvalid) as caught:
        parse_pack(document, name="tiny.yaml")
    assert says in str(caught.value)
    assert "tiny.yaml" in str(caught.value)


def test_clashing_terms_are_named() -> None:
    double = GOOD + GOOD.splitlines()[-1] + "\n"
    with pytest.raises(PackInvalid, match="the id stands twice"):
        parse_pack(double, name="tiny.yaml")
    other = GOOD + GOOD.splitlines()[-1].replace("id: add", "id: again") + "\n"
    with pytest.raises(PackInvalid, match=r"tiny\.again: '加我微信' is in tiny\.add already"):
        parse_pack(other, name="tiny.yaml")


def test_too_many_spellings_are_refused() -> None:
    slot = "{" + "|".join("甲乙丙丁戊己庚辛") + "}"
    with pytest.raises(PackInvalid, match="4096 spellings"):
        parse_pack(GOOD.replace("加{我|你|}微信", slot * 4), name="tiny.yaml")


def test_shared_contexts() -> None:
    contexts = parse_contexts('nope:\n  before: ["不"]\n', name="c.yaml")
    pack = parse_pack(GOOD.replace("before:", "use: [nope]\n  before:"), name="t", contexts=contexts)
    assert len(pack.context.before) == 2


def test_own_packs_say_where_they_come_from() -> None:
    packs = own_packs()
    assert {pack.id for pack in packs} == {"insult_threat", "over_promise", "private_deal", "disclosure"}
    for pack in packs:
        assert pack.source
        assert pack.licence == "Apache-2.0"
        assert pack.title_zh
        assert len(pack.terms) >= 15
