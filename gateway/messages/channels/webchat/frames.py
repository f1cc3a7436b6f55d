"""What browser and server say to each other over the WebSocket; everything else ends the connection."""

from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter

MAX_TEXT = 1000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FRAME_BYTES = MAX_FILE_BYTES * 4 // 3 + 4096


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Ref = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Hello(_Frame):
    """The first frame: the token of the link."""

    type: Literal["hello"]
    token: str = Field(min_length=20, max_length=64, repr=False)


class Say(_Frame):
    """A text. `ref` is the browser's own, so that the same text sent again is the same message."""

    type: Literal["say"]
    ref: Ref
    text: str = Field(min_length=1, max_length=MAX_TEXT, repr=False)


class Give(_Frame):
    """A file, base64."""

    type: Literal["give"]
    ref: Ref
    name: str = Field(default="", max_length=120, repr=False)
    data: Base64Bytes = Field(max_length=MAX_FRAME_BYTES, repr=False)


class Seen(_Frame):
    """The browser shows a message."""

    type: Literal["seen"]
    id: Ref


Frame = TypeAdapter[Hello | Say | Give | Seen](
    Annotated[Hello | Say | Give | Seen, Field(discriminator="type")]
)
