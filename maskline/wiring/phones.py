"""Wires the phones: policies, enrolment, devices, commands."""

from dataclasses import dataclass

from maskline.ground import Ground


@dataclass(frozen=True, slots=True)
class Phones:
    """The wing's services."""


def build_phones(ground: Ground) -> Phones:  # noqa: ARG001 - the first service will take it
    """Build the services of the phones."""
    return Phones()
