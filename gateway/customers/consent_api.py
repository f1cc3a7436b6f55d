"""Consent and do-not-contact over HTTP."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from gateway import permissions
from gateway.customers.consent import BlockAsked, ConsentGiven, ConsentService
from gateway.customers.errors import BlockUnknown, ConsentUnknown, CustomerUnknown, TimeInvalid
from gateway.customers.schemas import (
    BlockCreate,
    BlockList,
    BlockOut,
    BlockPath,
    ConsentCreate,
    ConsentList,
    ConsentOut,
    ConsentWithdraw,
    CustomerPath,
)

_TAGS = ("consent",)


def endpoints(service: ConsentService) -> list[Endpoint]:
    """Give the endpoints of consent and do-not-contact."""

    @endpoint(
        "GET",
        "/customers/{id}/consents",
        permission=permissions.CUSTOMER_READ,
        summary_zh="客户的同意记录",
        summary_en="A customer's consents",
        errors=(CustomerUnknown,),
        tags=_TAGS,
    )
    async def consents(*, principal: Principal, path: CustomerPath) -> ConsentList:
        found = await service.consents(principal, path.id)
        return ConsentList(items=[ConsentOut.model_validate(view) for view in found])

    @endpoint(
        "POST",
        "/customers/{id}/consents",
        permission=permissions.CONSENT_WRITE,
        status=201,
        summary_zh="登记同意",
        summary_en="Record a consent",
        errors=(CustomerUnknown, TimeInvalid),
        tags=_TAGS,
    )
    async def give(*, principal: Principal, path: CustomerPath, body: ConsentCreate) -> ConsentOut:
        given = ConsentGiven(body.purpose, body.source, body.given_at, body.evidence)
        return ConsentOut.model_validate(await service.give(principal, path.id, given))

    @endpoint(
        "POST",
        "/customers/{id}/consents/withdraw",
        permission=permissions.CONSENT_WITHDRAW,
        summary_zh="撤回对某一目的的全部同意",
        summary_en="Withdraw every consent to a purpose",
        errors=(CustomerUnknown, ConsentUnknown),
        tags=_TAGS,
    )
    async def withdraw(*, principal: Principal, path: CustomerPath, body: ConsentWithdraw) -> ConsentList:
        found = await service.withdraw(principal, path.id, body.purpose)
        return ConsentList(items=[ConsentOut.model_validate(view) for view in found])

    @endpoint(
        "GET",
        "/customers/{id}/do-not-contact",
        permission=permissions.CUSTOMER_READ,
        summary_zh="客户的勿扰记录",
        summary_en="A customer's do-not-contact entries",
        errors=(CustomerUnknown,),
        tags=_TAGS,
    )
    async def blocks(*, principal: Principal, path: CustomerPath) -> BlockList:
        found = await service.blocks(principal, path.id)
        return BlockList(items=[BlockOut.model_validate(view) for view in found])

    @endpoint(
        "POST",
        "/customers/{id}/do-not-contact",
        permission=permissions.BLOCK_WRITE,
        status=201,
        summary_zh="加入勿扰名单",
        summary_en="Add a do-not-contact entry",
        errors=(CustomerUnknown, TimeInvalid),
        tags=_TAGS,
    )
    async def block(*, principal: Principal, path: CustomerPath, body: BlockCreate) -> BlockOut:
        asked = BlockAsked(body.reason, body.purpose, body.channel, body.until, body.note)
        return BlockOut.model_validate(await service.block(principal, path.id, asked))

    @endpoint(
        "DELETE",
        "/customers/{id}/do-not-contact/{block_id}",
        permission=permissions.BLOCK_LIFT,
        summary_zh="移出勿扰名单",
        summary_en="Lift a do-not-contact entry",
        errors=(CustomerUnknown, BlockUnknown),
        tags=_TAGS,
    )
    async def lift(*, principal: Principal, path: BlockPath) -> BlockOut:
        return BlockOut.model_validate(await service.lift(principal, path.id, path.block_id))

    return [consents, give, withdraw, blocks, block, lift]
