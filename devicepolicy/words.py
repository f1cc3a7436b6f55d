"""Column type for an enumeration: stored as its word."""

from enum import StrEnum

from sqlalchemy import Enum


def words(kind: type[StrEnum]) -> Enum:
    """Store the values of `kind` as text; SQLAlchemy refuses any other. No constraint: lists may grow."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda values: [value.value for value in values],
        validate_strings=True,
    )
