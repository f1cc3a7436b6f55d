"""The filters' address: what is set stands in it, empty fields do not, and it reads back the same."""

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dashboard.call_filters import CallOutcome, CallsQuery
from gateway.calls.causes import Cause
from gateway.contact.model import Purpose
from qa.inspection.model import Band

queries = st.builds(
    CallsQuery,
    since=st.none() | st.dates(max_value=date(2026, 1, 1)),
    until=st.none() | st.dates(min_value=date(2026, 1, 2)),
    purpose=st.none() | st.sampled_from(Purpose),
    outcome=st.none() | st.sampled_from(CallOutcome),
    cause=st.none() | st.sampled_from(Cause),
    band=st.none() | st.sampled_from(Band),
    category=st.none() | st.just("private_deal"),
)


@given(queries)
def test_an_address_reads_back(query: CallsQuery) -> None:
    again = CallsQuery.model_validate(dict(parse_qsl(urlsplit(query.address()).query)))
    assert again == query


def test_empty_fields_are_no_filters() -> None:
    assert CallsQuery.model_validate({"since": "", "band": "", "cursor": ""}).given() == {}
    assert CallsQuery().address() == "/calls"


def test_an_address_can_lose_one_filter_and_never_keeps_the_page() -> None:
    query = CallsQuery(rule="hours-collection", purpose=Purpose.COLLECTION, cursor="x")
    assert query.address(rule=None) == "/calls?purpose=collection"


@pytest.mark.parametrize(
    "bad", [{"since": "2026-13-01"}, {"band": "good"}, {"category": "<b>"}, {"employee": "x"}, {"other": "1"}]
)
def test_what_is_no_filter_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CallsQuery.model_validate(bad)


def test_days_are_in_order() -> None:
    with pytest.raises(ValidationError):
        CallsQuery.model_validate({"since": "2026-11-22", "until": "2026-11-21"})
