"""The addresses of policies: list, new, editor, check, publish, lay on, take off, preview."""

from dataclasses import replace

from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from dashboard.asked import Asked
from dashboard.forms import Failure, act, address, failure_of
from dashboard.pages.kit import Kit
from dashboard.pages.phones.policies import (
    HOME,
    AssignForm,
    AssignmentPath,
    Compared,
    CompareQuery,
    MoveForm,
    NewForm,
    PoliciesQuery,
    PolicyPages,
    PolicyPath,
    PublishForm,
    VersionPath,
)
from dashboard.pages.phones.policy_editor import DraftForm, Look, Typed, typed
from dashboard.pages.preferences import Seen
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.permissions import POLICY_ASSIGN, POLICY_PUBLISH, POLICY_READ, POLICY_WRITE
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.errors import DocumentInvalid, DraftMoved, PolicyUnknown, VersionUnknown
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.rollout import AbortRule
from devicepolicy.policies.rollouts import RolloutPlan


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages. Fixed addresses come before the one of a policy."""
    pages = PolicyPages(kit)
    return [*_new(pages), *_reading(pages), *_writing(pages), *_laying_on(pages)]


def _reading(pages: PolicyPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        HOME,
        permission=POLICY_READ,
        summary_zh="手机策略页",
        summary_en="Page of phone policies",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: PoliciesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        f"{HOME}/{{policy_id}}",
        permission=POLICY_READ,
        summary_zh="策略编辑页",
        summary_en="Page of one policy: editor, versions, whom it reaches",
        errors=(PolicyUnknown, VersionUnknown, DeviceNotFound),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: PolicyPath,
        query: PoliciesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, policy_id=path.policy_id)

    @endpoint(
        "GET",
        f"{HOME}/{{policy_id}}/versions/{{number}}",
        permission=POLICY_READ,
        summary_zh="策略版本页",
        summary_en="Page of one version",
        errors=(VersionUnknown,),
        kind="page",
    )
    async def version(
        *,
        principal: Principal,
        path: VersionPath,
        query: PoliciesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        found = await pages.policies.service.version(principal, path.policy_id, path.number)
        asked = Asked(principal, context, headers)
        return await pages.show(asked, query, policy_id=path.policy_id, version=found)

    @endpoint(
        "GET",
        f"{HOME}/{{policy_id}}/compare",
        permission=POLICY_READ,
        summary_zh="比较策略的两个版本页",
        summary_en="Page that compares two versions of a policy",
        errors=(PolicyUnknown, VersionUnknown),
        kind="page",
    )
    async def compare(
        *,
        principal: Principal,
        path: PolicyPath,
        query: CompareQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        changes = await pages.policies.service.compare(principal, path.policy_id, query.before, query.after)
        compared = Compared(query.before, query.after, changes)
        asked = Asked(principal, context, headers)
        return await pages.show(asked, query, policy_id=path.policy_id, compared=compared)

    return [listing, one, version, compare]


def _new(pages: PolicyPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        f"{HOME}/new",
        permission=POLICY_WRITE,
        summary_zh="新建策略页",
        summary_en="Page to create a policy",
        kind="page",
    )
    async def new(
        *, principal: Principal, query: PoliciesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, new=NewForm())

    @endpoint(
        "POST",
        f"{HOME}/new",
        permission=POLICY_WRITE,
        summary_zh="新建策略",
        summary_en="Create a policy",
        kind="page",
    )
    async def create(
        *, principal: Principal, body: NewForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        document = next((dict(one.document) for one in ready_policies() if one.key == body.ready), {})
        try:
            made = await pages.policies.service.create(principal, body.name.strip(), body.about, document)
        except MasklineError as error:
            refused = failure_of(error, context.language)
            return await pages.show(asked, new=body, told=refused)
        return Redirect(f"{HOME}/{made.id}?done=policy-created")

    return [new, create]


def _writing(pages: PolicyPages) -> list[Endpoint]:
    service = pages.policies.service

    @endpoint(
        "POST",
        f"{HOME}/{{policy_id}}",
        permission=POLICY_WRITE,
        summary_zh="检查或保存草稿",
        summary_en="Check or save the draft",
        kind="page",
    )
    async def save(
        *, principal: Principal, path: PolicyPath, body: DraftForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        """What was typed stays in every case; only a form that neither looks nor changes is saved."""
        asked = Asked(principal, context, headers)
        one = _looked_at(pages, principal, body)
        if not body.saves or one.faults or one.document is None:
            return await _again(pages, asked, path, body, one)
        try:
            await service.save(principal, path.policy_id, one.document, body.revision)
        except DocumentInvalid as error:
            return await _again(pages, asked, path, body, replace(one, faults=error.faults))
        except DraftMoved as error:
            moved = replace(one, revision=int(str(error.facts["revision"])), checked=False)
            refused = failure_of(error, context.language)
            return await _again(pages, asked, path, body, moved, told=refused)
        at = address(
            f"{HOME}/{path.policy_id}",
            done="policy-saved",
            look="json" if body.look is Look.JSON else None,
            department=body.department,
            phone=body.phone,
        )
        return Redirect(at)

    @endpoint(
        "POST",
        f"{HOME}/{{policy_id}}/effect",
        permission=POLICY_READ,
        summary_zh="未保存的草稿会改变什么",
        summary_en="What a draft that is not saved would change",
        errors=(PolicyUnknown, DeviceNotFound),
        kind="page",
    )
    async def effect(
        *, principal: Principal, path: PolicyPath, body: DraftForm, context: RequestContext, headers: Seen
    ) -> Html:
        """Give the part of the page that says it; nothing is written."""
        return await pages.effect(
            Asked(principal, context, headers), path.policy_id, _looked_at(pages, principal, body), body.phone
        )

    @endpoint(
        "POST",
        f"{HOME}/{{policy_id}}/publish",
        permission=POLICY_PUBLISH,
        summary_zh="发布策略版本",
        summary_en="Publish the draft as a version",
        kind="page",
    )
    async def publish(
        *, principal: Principal, path: PolicyPath, body: PublishForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, policy_id=path.policy_id, told=told)

        return await act(
            service.publish(principal, path.policy_id, body.revision, body.note),
            to=f"{HOME}/{path.policy_id}",
            done="policy-published",
            language=context.language,
            again=again,
        )

    return [save, effect, publish]


def _looked_at(pages: PolicyPages, principal: Principal, body: DraftForm) -> Typed:
    """Read a form and have the service judge it; what is refused stays in the look that it was typed in."""
    one = pages.editor.looked_at(principal, typed(body), checked=body.show is None and body.drop is None)
    if body.look is Look.JSON and one.look is Look.FORM and one.faults:
        return replace(one, look=Look.JSON, only_json=True, checked=True)
    return one


async def _again(
    pages: PolicyPages,
    asked: Asked,
    path: PolicyPath,
    body: DraftForm,
    one: Typed,
    told: Failure | None = None,
) -> Html:
    """Show the editor again with everything that was typed."""
    query = PoliciesQuery(look=one.look, q=body.q, department=body.department, phone=body.phone)
    page = await pages.show(
        asked, query, policy_id=path.policy_id, typed=one, told=told, touched=body.touched
    )
    return Html(page.text, 422 if one.faults and body.saves else page.status, page.cookies)


def _laying_on(pages: PolicyPages) -> list[Endpoint]:
    assignments, rollouts = pages.policies.assignments, pages.policies.rollouts

    @endpoint(
        "POST",
        f"{HOME}/{{policy_id}}/assign",
        permission=POLICY_ASSIGN,
        summary_zh="分配策略",
        summary_en="Lay a policy on somebody",
        kind="page",
    )
    async def assign(
        *, principal: Principal, path: PolicyPath, body: AssignForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        target = _target(body)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, policy_id=path.policy_id, told=told)

        to, done = f"{HOME}/{path.policy_id}", "policy-assigned"
        if body.share < 100:
            plan = RolloutPlan(body.share, AbortRule(body.abort_percent, body.abort_after))
            begun = rollouts.assign_slowly(principal, body.layer, target, path.policy_id, body.number, plan)
            return await act(
                begun, to="/rollouts", done="rollout-started", language=context.language, again=again
            )
        laid = assignments.assign(principal, body.layer, target, path.policy_id, body.number)
        return await act(laid, to=to, done=done, language=context.language, again=again)

    @endpoint(
        "POST",
        "/policy-assignments/{assignment_id}/move",
        permission=POLICY_ASSIGN,
        summary_zh="换版本（可灰度）",
        summary_en="Bring another version to an assignment",
        kind="page",
    )
    async def move(
        *, principal: Principal, path: AssignmentPath, body: MoveForm, context: RequestContext
    ) -> Html | Redirect:
        found = await assignments.get(principal, path.assignment_id)
        to = f"{HOME}/{found.policy_id}"
        if body.share < 100:
            plan = RolloutPlan(body.share, AbortRule(body.abort_percent, body.abort_after))
            begun = rollouts.start(principal, found.id, body.number, plan)
            return await act(begun, to="/rollouts", done="rollout-started", language=context.language)
        moved = assignments.point(principal, found.id, body.number)
        return await act(moved, to=to, done="policy-moved", language=context.language)

    @endpoint(
        "POST",
        "/policy-assignments/{assignment_id}/end",
        permission=POLICY_ASSIGN,
        summary_zh="取消分配",
        summary_en="Take a policy off somebody",
        kind="page",
    )
    async def end(*, principal: Principal, path: AssignmentPath, context: RequestContext) -> Html | Redirect:
        found = await assignments.get(principal, path.assignment_id)
        return await act(
            assignments.unassign(principal, found.id),
            to=f"{HOME}/{found.policy_id}",
            done="policy-unassigned",
            language=context.language,
        )

    return [assign, move, end]


def _target(form: AssignForm) -> Target:
    """Read whom a form means; the service refuses what does not fit the layer."""
    if form.phone and form.layer in {Layer.DEVICE, Layer.INCIDENT}:
        return Target(TargetKind.DEVICE, form.phone)
    if form.department and form.layer in {Layer.DEPARTMENT, Layer.INCIDENT}:
        return Target(TargetKind.DEPARTMENT, form.department)
    return Target(TargetKind.EVERYBODY)
