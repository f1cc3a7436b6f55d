"""Assignments, roll-outs and previews over HTTP."""

from collections.abc import Awaitable, Callable

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.policies.assignments import AssignmentService, Target
from devicepolicy.policies.errors import (
    AlreadyAssigned,
    AssignmentUnknown,
    LayerMismatch,
    NarrowingRefused,
    PolicyUnknown,
    RolloutOpen,
    RolloutStateRefused,
    RolloutUnknown,
    TargetUnknown,
    VersionUnknown,
)
from devicepolicy.policies.previews import Imagined, PreviewService, WhatIf
from devicepolicy.policies.rollout import AbortRule
from devicepolicy.policies.rollouts import RolloutPlan, RolloutService
from devicepolicy.policies.schemas import (
    AssignmentCreate,
    AssignmentList,
    AssignmentOut,
    AssignmentPath,
    AssignmentQuery,
    DevicePath,
    PlanBody,
    PointBody,
    PreviewBody,
    PreviewOut,
    RolloutCreate,
    RolloutList,
    RolloutOut,
    RolloutPath,
    RolloutQuery,
    WhatIfBody,
    WidenBody,
)
from devicepolicy.policies.views import RolloutView

_TAGS = ("policies",)


def endpoints(
    assignments: AssignmentService, rollouts: RolloutService, previews: PreviewService
) -> list[Endpoint]:
    """Give the endpoints that bring policies to phones."""
    return [
        *_assigning(assignments, rollouts),
        *_rolling(rollouts),
        *(_step(name, zh, en, act) for name, zh, en, act in _steps(rollouts)),
        *_previewing(previews),
    ]


def _assigning(assignments: AssignmentService, rollouts: RolloutService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/policy-assignments",
        permission=permissions.POLICY_READ,
        summary_zh="策略分配列表",
        summary_en="List what is laid on whom",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: AssignmentQuery) -> AssignmentList:
        found = await assignments.find(principal, policy_id=query.policy_id)
        return AssignmentList(items=[AssignmentOut.model_validate(view) for view in found])

    @endpoint(
        "POST",
        "/policy-assignments",
        permission=permissions.POLICY_ASSIGN,
        status=201,
        summary_zh="分配策略",
        summary_en="Lay a version on somebody",
        errors=(LayerMismatch, TargetUnknown, VersionUnknown, AlreadyAssigned),
        tags=_TAGS,
    )
    async def create(*, principal: Principal, body: AssignmentCreate) -> AssignmentOut:
        target = Target(body.target.kind, body.target.id or "")
        if body.rollout is None:
            view = await assignments.assign(principal, body.layer, target, body.policy_id, body.number)
            return AssignmentOut.model_validate(view)
        started = await rollouts.assign_slowly(
            principal, body.layer, target, body.policy_id, body.number, _plan(body.rollout)
        )
        return AssignmentOut.model_validate(await assignments.get(principal, started.assignment_id))

    @endpoint(
        "PUT",
        "/policy-assignments/{assignment_id}/version",
        permission=permissions.POLICY_ASSIGN,
        summary_zh="改用其他版本（含回退）",
        summary_en="Point to another version; an older one is a roll-back",
        errors=(AssignmentUnknown, VersionUnknown, RolloutOpen),
        tags=_TAGS,
    )
    async def point(*, principal: Principal, path: AssignmentPath, body: PointBody) -> AssignmentOut:
        view = await assignments.point(principal, path.assignment_id, body.number)
        return AssignmentOut.model_validate(view)

    @endpoint(
        "DELETE",
        "/policy-assignments/{assignment_id}",
        permission=permissions.POLICY_ASSIGN,
        summary_zh="取消分配",
        summary_en="Take a policy off somebody",
        errors=(AssignmentUnknown, RolloutOpen),
        tags=_TAGS,
    )
    async def remove(*, principal: Principal, path: AssignmentPath) -> None:
        await assignments.unassign(principal, path.assignment_id)

    return [listing, create, point, remove]


def _rolling(rollouts: RolloutService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/policy-rollouts",
        permission=permissions.POLICY_READ,
        summary_zh="灰度发布列表",
        summary_en="List roll-outs",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: RolloutQuery) -> RolloutList:
        found = await rollouts.find(principal, open_only=query.open_only)
        return RolloutList(items=[RolloutOut.model_validate(view) for view in found])

    @endpoint(
        "POST",
        "/policy-rollouts",
        permission=permissions.POLICY_ASSIGN,
        status=201,
        summary_zh="开始灰度发布",
        summary_en="Begin a roll-out",
        errors=(AssignmentUnknown, VersionUnknown, RolloutOpen),
        tags=_TAGS,
    )
    async def start(*, principal: Principal, body: RolloutCreate) -> RolloutOut:
        view = await rollouts.start(principal, body.assignment_id, body.number, _plan(body))
        return RolloutOut.model_validate(view)

    @endpoint(
        "GET",
        "/policy-rollouts/{rollout_id}",
        permission=permissions.POLICY_READ,
        summary_zh="查看灰度发布",
        summary_en="Read a roll-out",
        errors=(RolloutUnknown,),
        tags=_TAGS,
    )
    async def read(*, principal: Principal, path: RolloutPath) -> RolloutOut:
        return RolloutOut.model_validate(await rollouts.get(principal, path.rollout_id))

    @endpoint(
        "POST",
        "/policy-rollouts/{rollout_id}/widening",
        permission=permissions.POLICY_ASSIGN,
        summary_zh="扩大灰度比例",
        summary_en="Take in more phones",
        errors=(RolloutUnknown, RolloutStateRefused, NarrowingRefused),
        tags=_TAGS,
    )
    async def widen(*, principal: Principal, path: RolloutPath, body: WidenBody) -> RolloutOut:
        view = await rollouts.widen(principal, path.rollout_id, body.percentage)
        return RolloutOut.model_validate(view)

    return [listing, start, read, widen]


Act = Callable[[Principal, str], Awaitable[RolloutView]]


def _steps(rollouts: RolloutService) -> tuple[tuple[str, str, str, Act], ...]:
    return (
        ("halt", "暂停灰度发布", "Halt a roll-out", rollouts.halt),
        ("resumption", "继续灰度发布", "Resume a halted roll-out", rollouts.resume),
        ("completion", "完成灰度发布", "Complete a roll-out", rollouts.finish),
        ("rollback", "回退灰度发布", "Roll a roll-out back", rollouts.roll_back),
    )


def _step(name: str, zh: str, en: str, act: Act) -> Endpoint:
    @endpoint(
        "POST",
        f"/policy-rollouts/{{rollout_id}}/{name}",
        permission=permissions.POLICY_ASSIGN,
        summary_zh=zh,
        summary_en=en,
        errors=(RolloutUnknown, RolloutStateRefused),
        tags=_TAGS,
    )
    async def step(*, principal: Principal, path: RolloutPath) -> RolloutOut:
        return RolloutOut.model_validate(await act(principal, path.rollout_id))

    return step


def _previewing(previews: PreviewService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/devices/{device_id}/policy",
        permission=permissions.POLICY_READ,
        summary_zh="设备的有效策略",
        summary_en="What holds for a device, and why",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def of_device(*, principal: Principal, path: DevicePath) -> PreviewOut:
        return PreviewOut.of(await previews.of_device(principal, path.device_id))

    @endpoint(
        "POST",
        "/policy-previews",
        permission=permissions.POLICY_READ,
        summary_zh="预览策略",
        summary_en="Preview: a device or an imagined one, with another version",
        errors=(DeviceNotFound, TargetUnknown, PolicyUnknown, VersionUnknown),
        tags=_TAGS,
    )
    async def preview(*, principal: Principal, body: PreviewBody) -> PreviewOut:
        what_if = _what_if(body.what_if)
        if body.device_id is not None:
            return PreviewOut.of(await previews.of_device(principal, body.device_id, what_if))
        imagined = Imagined(body.facts(), body.department_id, body.employee_id)
        return PreviewOut.of(await previews.of_imagined(principal, imagined, what_if))

    return [of_device, preview]


def _plan(body: PlanBody) -> RolloutPlan:
    return RolloutPlan(body.percentage, AbortRule(body.abort_percent, body.abort_after))


def _what_if(body: WhatIfBody | None) -> WhatIf | None:
    return None if body is None else WhatIf(body.policy_id, body.number, body.layer)
