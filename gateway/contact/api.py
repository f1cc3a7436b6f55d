"""Contacts over HTTP: what happened, what would happen, and by which rules."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from gateway import permissions
from gateway.contact.errors import BindingUnknown, VerdictUnavailable
from gateway.contact.queries import ContactFilter, ContactQueries, DryRun
from gateway.contact.schemas import (
    ContactListQuery,
    ContactOut,
    DryRunBody,
    RuleList,
    RuleOut,
    VerdictOut,
)

_TAGS = ("contacts",)


def endpoints(queries: ContactQueries) -> list[Endpoint]:
    """Give the endpoints of contacts and rules."""

    @endpoint(
        "POST",
        "/contacts/dry-run",
        permission=permissions.CONTACT_DRY_RUN,
        summary_zh="预演：现在触达会怎样",
        summary_en="What would happen if this contact were tried now",
        errors=(BindingUnknown, VerdictUnavailable),
        tags=_TAGS,
    )
    async def dry_run(*, principal: Principal, body: DryRunBody) -> VerdictOut:
        asked = DryRun(body.binding_id, body.channel, body.direction, body.purpose)
        return VerdictOut.model_validate(await queries.dry_run(principal, asked))

    @endpoint(
        "GET",
        "/contacts",
        permission=permissions.CONTACT_READ,
        summary_zh="触达记录",
        summary_en="List contacts",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: ContactListQuery) -> Page[ContactOut]:
        wanted = ContactFilter(
            query.customer_id, query.employee_id, query.decision, query.outcome, query.purpose
        )
        rows, following = await queries.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[ContactOut.model_validate(row) for row in rows], next_cursor=following)

    @endpoint(
        "GET",
        "/rules",
        permission=permissions.RULE_READ,
        summary_zh="现行规则及其出处",
        summary_en="The rules in force and their sources",
        tags=_TAGS,
    )
    async def rules(*, principal: Principal) -> RuleList:
        found = queries.rules(principal)
        return RuleList(digest=queries.digest, items=[RuleOut.of(rule) for rule in found])

    return [dry_run, listing, rules]
