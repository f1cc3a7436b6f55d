"""Forms that act: a notice after success, the refusal in words after a fault, nothing unsafe in an address."""

from collections.abc import Coroutine

import pytest
from pydantic import ValidationError

from core.errors import Conflict, MasklineError, Unavailable
from core.web.errors import StepUpRequired
from core.web.problems import STATUS
from core.web.replies import Html, Redirect
from dashboard.forms import DoneQuery, Failure, FormModel, act, address, failure, failure_of
from dashboard.render import Renderer


async def well() -> None:
    return None


async def badly() -> None:
    raise Conflict("More.", detail_zh="详情。")


async def shown(told: Failure) -> Html:
    return Html(f"{told.title} {told.detail} {told.advice}")


def run(
    action: Coroutine[object, object, None], **more: object
) -> Coroutine[object, object, Html | Redirect]:
    return act(action, to="/x?page=2&done=old", done="note-added", language="zh", **more)  # type: ignore[arg-type]


async def test_success_goes_back_with_a_notice_and_without_the_old_one() -> None:
    assert await run(well()) == Redirect("/x?page=2&done=note-added")


async def test_a_refusal_shows_the_page_again_with_its_status() -> None:
    page = await run(badly(), again=shown)
    assert isinstance(page, Html)
    assert page.status == 409
    assert page.text.startswith("与现有数据冲突。 详情。")


async def test_a_refusal_without_a_page_goes_back_with_its_code() -> None:
    assert await run(badly()) == Redirect("/x?page=2&failed=conflict")
    told = failure("conflict", "en")
    assert told is not None
    assert told.title == Conflict.title("en")
    assert failure("no-such-code", "zh") is None
    assert failure(None, "zh") is None


def test_every_status_has_advice_in_words() -> None:
    for kind in STATUS:
        assert failure_of(kind(), "zh").advice
    assert "重新登录" in failure_of(StepUpRequired(), "zh").advice


def test_addresses_change_one_thing_and_keep_the_rest() -> None:
    assert address("/a?x=1&failed=y#z", x=None, y="2") == "/a?y=2#z"
    assert address("/a") == "/a"


def test_a_notice_key_is_a_key_and_nothing_else() -> None:
    with pytest.raises(ValidationError):
        DoneQuery(done="<b>")


def test_an_empty_field_is_not_given() -> None:
    class One(FormModel):
        text: str | None = None

    assert One.model_validate({"text": ""}).text is None


def page_with(macro: str, told: object) -> str:
    renderer = Renderer(institution="x", zone="Asia/Shanghai")
    environment = renderer._environment
    source = "{% import '_tags.html' as tags with context %}{{ tags." + macro + "(told) }}"
    return environment.from_string(source).render(language="zh", told=told)


def test_the_macros_show_what_there_is_and_nothing_else() -> None:
    assert page_with("notice", None).strip() == ""
    assert page_with("notice", "no.such.notice").strip() == ""
    assert page_with("failure", None).strip() == ""
    error: MasklineError = Unavailable("<b>", detail_zh="<b>")
    text = page_with("failure", failure_of(error, "zh"))
    assert 'role="alert"' in text
    assert "&lt;b&gt;" in text
    assert "没有丢失" in text
