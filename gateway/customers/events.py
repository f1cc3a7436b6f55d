"""What happened to a customer, told in the same transaction."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CustomerErased:
    """The customer's key is destroyed. A subscriber that cannot let go raises, and nothing is erased."""

    customer_id: str
    at: datetime
