"""Timestamps over checkpoints (RFC 3161): an outside authority's word on when they existed."""

from core.ledger.timestamping.authority import Authority, TimestampRefused
from core.ledger.timestamping.service import StampState, Timestamps

__all__ = ["Authority", "StampState", "TimestampRefused", "Timestamps"]
