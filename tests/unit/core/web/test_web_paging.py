"""Cursors are opaque, and what is not one of ours is refused."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.paging import CursorInvalid, decode_cursor, encode_cursor


@given(st.lists(st.text("0123456789abcdef:-+TZ", max_size=40), min_size=1, max_size=3))
def test_there_and_back(keys):
    assert decode_cursor(encode_cursor(*keys), len(keys)) == keys


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text):
    with contextlib.suppress(CursorInvalid):
        decode_cursor(text, 1)


@pytest.mark.parametrize("value", [[], [1], ["a", "b"], {"a": 1}, "a", ["a\x00"], ["字"], None])
def test_other_values_are_refused(value):
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    with pytest.raises(CursorInvalid):
        decode_cursor(cursor, 1)
