"""Filters that live in the address of a page: a form sends them, and a link carries them to a colleague."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from pydantic import Field, model_validator

from core.web.schema import FieldProblem
from dashboard.forms import FormModel

Cursor = Annotated[str, Field(max_length=512)]


class FilterQuery(FormModel):
    """Base of the queries of pages with filters. An empty field of a form means no filter."""

    page_path: ClassVar[str] = "/"
    unsaid: ClassVar[Mapping[str, str]] = {}
    """Values that hold without being said, so that an address without filters stays short."""

    cursor: Cursor | None = None

    def given(self) -> dict[str, str]:
        """Give the filters that are set, as they stand in the address."""
        values = self.model_dump(mode="json", exclude={"cursor", "done", "failed", "undo"}, exclude_none=True)
        said = {name: str(value) for name, value in values.items()}
        return {name: value for name, value in said.items() if self.unsaid.get(name) != value}

    def address(self, **changes: str | None) -> str:
        """Give the address of this page with some filters changed."""
        values = {name: value for name, value in {**self.given(), **changes}.items() if value is not None}
        return f"{self.page_path}?{urlencode(values)}" if values else self.page_path


class PeriodQuery(FilterQuery):
    """Filters with a period; `until` is the last day that counts."""

    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "PeriodQuery":
        if self.since and self.until and self.since > self.until:
            raise FieldProblem("开始日期不能晚于结束日期。", "The first day must not be after the last.")
        return self
