"""Column types: sealed values and blind indexes, which take nothing else; enumerations as their words."""

from enum import StrEnum

from sqlalchemy import Enum, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from core.sealed import BlindIndex, Sealed


class SealedColumn(TypeDecorator[Sealed]):
    """Stores an envelope. Plain text or bytes are refused: what is here was encrypted."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Sealed | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy passes it
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError("a sealed column takes Sealed values only")
        return value.raw

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed | None:  # noqa: ARG002 - SQLAlchemy passes it
        return None if value is None else Sealed(bytes(value))


class BlindIndexColumn(TypeDecorator[BlindIndex]):
    """Stores a blind index, for `==` and `in_` only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: BlindIndex | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy passes it
        if value is None:
            return None
        if not isinstance(value, BlindIndex):
            raise TypeError("a blind index column takes BlindIndex values only")
        return value.raw

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> BlindIndex | None:  # noqa: ARG002 - SQLAlchemy passes it
        return None if value is None else BlindIndex(bytes(value))


def words(kind: type[StrEnum]) -> Enum:
    """Store the values of `kind` as text; SQLAlchemy refuses any other. No constraint: lists may grow."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=24 if max(map(len, kind)) <= 24 else 32,
        values_callable=lambda values: [value.value for value in values],
        validate_strings=True,
    )
