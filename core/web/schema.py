"""What every model at the HTTP edge shares: nothing unknown, nothing mutable, no value quoted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ApiModel(BaseModel):
    """Base of request and response bodies, path and query models. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        populate_by_name=True,
        from_attributes=True,
    )


class FieldProblem(ValueError):
    """Raise this in a pydantic validator: both sentences are shown, so they must not quote the value."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(en)


IdStr = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="UUIDv7, 32 hexadecimal characters")]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
