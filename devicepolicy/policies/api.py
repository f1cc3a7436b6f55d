"""Policies over HTTP: write, check, publish, compare."""

from typing import Any, NoReturn

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.errors import RequestInvalid, Violation
from devicepolicy import permissions
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.errors import (
    DocumentInvalid,
    DraftMoved,
    NothingToPublish,
    PolicyNameTaken,
    PolicyUnknown,
    VersionUnknown,
)
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.schemas import (
    CapabilityList,
    CapabilityOut,
    CheckBody,
    CheckOut,
    DifferenceOut,
    DiffOut,
    DiffQuery,
    DraftBody,
    DraftOut,
    FaultOut,
    PolicyCreate,
    PolicyList,
    PolicyOut,
    PolicyPath,
    PublishBody,
    ReadyList,
    ReadyOut,
    VersionList,
    VersionOut,
    VersionPath,
)
from devicepolicy.policies.service import PolicyService

_TAGS = ("policies",)


class PolicyDocumentRefused(RequestInvalid):
    """The policy document is not acceptable."""

    code = DocumentInvalid.code
    zh = DocumentInvalid.zh


def endpoints(policies: PolicyService, table: CapabilityTable) -> list[Endpoint]:
    """Give the endpoints of policies and of the capability table."""
    return [*_reading(policies, table), *_writing(policies)]


def _reading(policies: PolicyService, table: CapabilityTable) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/policy-capabilities",
        permission=permissions.POLICY_READ,
        summary_zh="能力表",
        summary_en="Capability table",
        tags=_TAGS,
    )
    async def capabilities() -> CapabilityList:
        rows = [CapabilityOut.of(row) for row in table]
        return CapabilityList(version=table.version, sha256=table.digest, items=rows)

    @endpoint(
        "GET",
        "/policy-starters",
        permission=permissions.POLICY_READ,
        summary_zh="现成策略",
        summary_en="Ready policies to begin with",
        tags=_TAGS,
    )
    async def starters() -> ReadyList:
        return ReadyList(items=[ReadyOut.of(ready) for ready in ready_policies()])

    @endpoint(
        "POST",
        "/policy-checks",
        permission=permissions.POLICY_READ,
        summary_zh="检查策略文档",
        summary_en="Check a policy document without saving it",
        tags=_TAGS,
    )
    async def check(*, principal: Principal, body: CheckBody) -> CheckOut:
        faults = policies.check(principal, body.document)
        return CheckOut(items=[FaultOut.model_validate(fault) for fault in faults])

    @endpoint(
        "GET",
        "/policies",
        permission=permissions.POLICY_READ,
        summary_zh="策略列表",
        summary_en="List policies",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal) -> PolicyList:
        return PolicyList(items=[PolicyOut.model_validate(view) for view in await policies.find(principal)])

    @endpoint(
        "GET",
        "/policies/{policy_id}",
        permission=permissions.POLICY_READ,
        summary_zh="查看策略",
        summary_en="Read a policy",
        errors=(PolicyUnknown,),
        tags=_TAGS,
    )
    async def read(*, principal: Principal, path: PolicyPath) -> PolicyOut:
        return PolicyOut.model_validate(await policies.get(principal, path.policy_id))

    @endpoint(
        "GET",
        "/policies/{policy_id}/draft",
        permission=permissions.POLICY_READ,
        summary_zh="查看草稿",
        summary_en="Read the draft",
        errors=(PolicyUnknown,),
        tags=_TAGS,
    )
    async def draft(*, principal: Principal, path: PolicyPath) -> DraftOut:
        return DraftOut.model_validate(await policies.draft(principal, path.policy_id))

    @endpoint(
        "GET",
        "/policies/{policy_id}/versions",
        permission=permissions.POLICY_READ,
        summary_zh="版本列表",
        summary_en="List versions",
        errors=(PolicyUnknown,),
        tags=_TAGS,
    )
    async def versions(*, principal: Principal, path: PolicyPath) -> VersionList:
        found = await policies.versions(principal, path.policy_id)
        return VersionList(items=[VersionOut.model_validate(view) for view in found])

    @endpoint(
        "GET",
        "/policies/{policy_id}/versions/{number}",
        permission=permissions.POLICY_READ,
        summary_zh="查看版本",
        summary_en="Read a version",
        errors=(VersionUnknown,),
        tags=_TAGS,
    )
    async def version(*, principal: Principal, path: VersionPath) -> VersionOut:
        return VersionOut.model_validate(await policies.version(principal, path.policy_id, path.number))

    @endpoint(
        "GET",
        "/policies/{policy_id}/diff",
        permission=permissions.POLICY_READ,
        summary_zh="比较两个版本",
        summary_en="Compare two versions",
        errors=(PolicyUnknown, VersionUnknown),
        tags=_TAGS,
    )
    async def compare(*, principal: Principal, path: PolicyPath, query: DiffQuery) -> DiffOut:
        found = await policies.compare(principal, path.policy_id, query.before, query.after)
        return DiffOut(items=[DifferenceOut.of(one) for one in found])

    return [capabilities, starters, check, listing, read, draft, versions, version, compare]


def _writing(policies: PolicyService) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/policies",
        permission=permissions.POLICY_WRITE,
        status=201,
        summary_zh="新建策略",
        summary_en="Create a policy",
        errors=(PolicyNameTaken, PolicyDocumentRefused),
        tags=_TAGS,
    )
    async def create(*, principal: Principal, body: PolicyCreate) -> PolicyOut:
        document = body.document if body.document is not None else _ready(body.ready)
        try:
            view = await policies.create(principal, body.name, body.about, document)
        except DocumentInvalid as error:
            _refuse(error)
        return PolicyOut.model_validate(view)

    @endpoint(
        "PUT",
        "/policies/{policy_id}/draft",
        permission=permissions.POLICY_WRITE,
        summary_zh="修改草稿",
        summary_en="Change the draft",
        errors=(PolicyUnknown, DraftMoved, PolicyDocumentRefused),
        tags=_TAGS,
    )
    async def save(*, principal: Principal, path: PolicyPath, body: DraftBody) -> DraftOut:
        try:
            view = await policies.save(principal, path.policy_id, body.document, body.revision)
        except DocumentInvalid as error:
            _refuse(error)
        return DraftOut.model_validate(view)

    @endpoint(
        "POST",
        "/policies/{policy_id}/versions",
        permission=permissions.POLICY_PUBLISH,
        status=201,
        summary_zh="发布草稿",
        summary_en="Publish the draft as a version",
        errors=(PolicyUnknown, DraftMoved, NothingToPublish, PolicyDocumentRefused),
        tags=_TAGS,
    )
    async def publish(*, principal: Principal, path: PolicyPath, body: PublishBody) -> VersionOut:
        try:
            view = await policies.publish(principal, path.policy_id, body.revision, body.note)
        except DocumentInvalid as error:
            _refuse(error)
        return VersionOut.model_validate(view)

    return [create, save, publish]


def _ready(key: str | None) -> dict[str, Any]:
    for ready in ready_policies():
        if ready.key == key:
            return dict(ready.document)
    raise RequestInvalid(
        Violation(
            "body.ready", "请给出文档，或现成策略的 key。", "Give a document, or the key of a ready policy."
        )
    )


def _refuse(error: DocumentInvalid) -> NoReturn:
    """Tell every fault at its place."""
    raise PolicyDocumentRefused(
        *(Violation(f"body.document{fault.path[1:]}", fault.zh, fault.en) for fault in error.faults)
    ) from error
