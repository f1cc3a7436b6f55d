"""An echo is taken out, two people talking at once are not."""

from qa.speech.crosstalk import Heard, without_echoes
from qa.speech.engine import Role, Sentence


def heard(role, begin, end, text, level):
    return Heard(Sentence(role, begin, end, text, 0.9), level)


LOUD = heard(Role.STAFF, 1000, 4000, "您的贷款已经逾期三个月了", -20.0)


def test_the_same_words_far_weaker_on_the_other_side_are_an_echo():
    echo = heard(Role.CUSTOMER, 1150, 4100, "你的代款已经预期三个月了", -45.0)
    assert without_echoes([LOUD, echo]) == [LOUD.sentence]


def test_other_words_at_the_same_time_stay_however_weak():
    reply = heard(Role.CUSTOMER, 1150, 4100, "我知道了你别再打来", -45.0)
    assert len(without_echoes([LOUD, reply])) == 2


def test_the_same_words_just_as_loud_stay():
    chorus = heard(Role.CUSTOMER, 1150, 4100, "您的贷款已经逾期三个月了", -22.0)
    assert len(without_echoes([LOUD, chorus])) == 2


def test_the_same_words_later_stay():
    repeat = heard(Role.CUSTOMER, 5000, 8000, "您的贷款已经逾期三个月了", -45.0)
    assert len(without_echoes([LOUD, repeat])) == 2


def test_one_side_never_echoes_itself():
    again = heard(Role.STAFF, 1100, 3000, "您的贷款已经逾期", -50.0)
    assert len(without_echoes([LOUD, again])) == 2
