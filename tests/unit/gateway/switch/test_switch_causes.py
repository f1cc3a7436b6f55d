"""The cause table: every status in the world becomes one of ours, with a phrase of ours."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.switch.causes import causes

TABLE = causes()


@given(st.integers(-5, 2000))
def test_every_remote_status_maps_into_the_table(status):
    cause = TABLE.from_remote(status)
    assert cause.status in TABLE.phrases
    assert cause.phrase == TABLE.phrases[cause.status]
    assert 400 <= cause.status <= 699


@given(st.integers(300, 399))
def test_a_redirect_is_unavailable(status):
    assert TABLE.from_remote(status).status == 480


@given(st.integers(400, 699))
def test_own_statuses_keep_their_class_and_get_our_phrase(status):
    cause = TABLE.own(status)
    assert cause.status // 100 == status // 100
    assert cause.phrase in TABLE.phrases.values()


def test_known_causes():
    expected = {
        486: 486,
        600: 486,
        603: 603,
        404: 404,
        407: 503,
        499: 480,
        503: 503,
        599: 500,
        699: 603,
        302: 480,
    }
    assert {status: TABLE.from_remote(status).status for status in expected} == expected


def test_every_target_has_a_phrase():
    targets = {*TABLE.remote.values(), *TABLE.remote_class.values(), *TABLE.own_class.values()}
    assert targets <= set(TABLE.phrases)
