"""All endpoints of access."""

from core.access import account_api, admin_api
from core.access.build import Access
from core.web.endpoint import Endpoint


def endpoints(access: Access) -> list[Endpoint]:
    """Give the endpoints of one's own account and of administration."""
    return [*account_api.endpoints(access), *admin_api.endpoints(access)]
