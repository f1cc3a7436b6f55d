"""Phone policies: versions, whom they reach, the editor beside the capability table, what would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from core.access.model import Principal
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel
from dashboard.pages.kit import DeskQuery, Kit, tree
from dashboard.pages.phones.capabilities import Capabilities, CapabilityRow, android, matching
from dashboard.pages.phones.policy_editor import (
    Desk,
    Effect,
    Look,
    PolicyEditor,
    Subject,
    Typed,
    opened,
    shown_json,
)
from dashboard.pages.phones.said import enum_words, known_apps, said, value_words
from dashboard.people import Directory
from devicepolicy.capabilities.paths import pattern_of
from devicepolicy.devices.model import Trust
from devicepolicy.devices.queries import DeviceFilter
from devicepolicy.permissions import DEVICE_READ, POLICY_ASSIGN, POLICY_PUBLISH, POLICY_WRITE
from devicepolicy.policies.diff import Difference
from devicepolicy.policies.model import Layer
from devicepolicy.policies.previews import WhatIf
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.service import DRAFT
from devicepolicy.policies.settings import flatten
from devicepolicy.policies.views import AssignmentView, DraftView, PolicyView, Preview, VersionView

HOME = "/policies"
PHONES = 200


class PolicyPath(ApiModel):
    policy_id: IdStr


class VersionPath(ApiModel):
    policy_id: IdStr
    number: Annotated[int, Field(ge=1, le=1_000_000)]


class AssignmentPath(ApiModel):
    assignment_id: IdStr


class PoliciesQuery(DeskQuery):
    """The address of a policy: form or JSON, what settings are searched for, whose phones are meant.

    `department`: whose phones the hints are of; `phone`: the one of the preview, with version `number`.
    """

    look: Look = Look.FORM
    q: Annotated[str, Field(max_length=60)] | None = None
    department: IdStr | None = None
    phone: IdStr | None = None
    number: Annotated[int, Field(ge=0, le=1_000_000)] = DRAFT


class CompareQuery(PoliciesQuery):
    """Which two are compared; 0 is the draft."""

    before: Annotated[int, Field(ge=0, le=1_000_000)] = DRAFT
    after: Annotated[int, Field(ge=0, le=1_000_000)] = DRAFT


class NewForm(FormModel):
    name: Annotated[str, Field(max_length=100)] = ""
    about: Annotated[str, Field(max_length=500)] = ""
    ready: Annotated[str, Field(max_length=60)] | None = None


class PublishForm(FormModel):
    revision: Annotated[int, Field(ge=1)]
    note: Annotated[str, Field(max_length=300)] = ""
    sure: bool = False


class AssignForm(FormModel):
    """Whom a version is laid on. `share` below 100 begins a staged roll-out."""

    layer: Layer = Layer.ORGANISATION
    department: IdStr | None = None
    phone: IdStr | None = None
    number: Annotated[int, Field(ge=1)] = 1
    share: Annotated[int, Field(ge=1, le=100)] = 100
    abort_percent: Annotated[int, Field(ge=1, le=100)] = 10
    abort_after: Annotated[int, Field(ge=1, le=1_000_000)] = 5


class MoveForm(FormModel):
    number: Annotated[int, Field(ge=1)]
    share: Annotated[int, Field(ge=1, le=100)] = 100
    abort_percent: Annotated[int, Field(ge=1, le=100)] = 10
    abort_after: Annotated[int, Field(ge=1, le=1_000_000)] = 5


@dataclass(frozen=True, slots=True)
class Open:
    """One policy with everything that stands beside the list."""

    view: PolicyView
    draft: DraftView
    versions: Sequence[VersionView]
    assignments: Sequence[AssignmentView]
    changes: Sequence[Difference]
    typed: Typed
    desk: Desk
    effect: Effect
    preview: Preview | None = None

    @property
    def newest(self) -> VersionView | None:
        return self.versions[0] if self.versions else None


@dataclass(frozen=True, slots=True)
class Compared:
    """What a version changes against another; `DRAFT` stands for the draft."""

    before: int
    after: int
    changes: Sequence[Difference]


class PolicyPages:
    """What the pages of policies share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.policies = kit.parts.policies
        self.capabilities = Capabilities(kit.parts)
        self.editor = PolicyEditor(kit.parts)

    async def show(
        self,
        asked: Asked,
        query: PoliciesQuery | None = None,
        *,
        policy_id: str | None = None,
        typed: Typed | None = None,
        new: NewForm | None = None,
        version: VersionView | None = None,
        compared: Compared | None = None,
        told: Failure | None = None,
        touched: str = "",
    ) -> Html:
        """Render the list; beside it one policy, one of its versions, two compared, or a new one's form."""
        query, principal = query or PoliciesQuery(), asked.principal
        every, language = await self.policies.service.find(principal), asked.context.language
        rows = await self.capabilities.rows(principal)
        directory = await self.kit.parts.people.directory(principal)
        found = await self._open(principal, policy_id, typed, query, directory) if policy_id else None
        phones = await self._phones(principal)
        return self.kit.show(
            "policies.html",
            asked,
            back=_back(policy_id, version, compared, new=new is not None),
            query=query,
            told=told,
            every=every,
            open=found,
            new=new,
            version=version,
            version_json=shown_json(version.document) if version else "",
            ready=ready_policies(),
            table=matching(rows, query.q, language),
            **self._words(language, rows),
            flat=flatten(version.document, self.policies.table) if version else {},
            compared=compared,
            every_assignment=await self.policies.assignments.find(principal),
            names={one.id: one.display_name for one in directory.employees}
            | {principal.employee_id: principal.display_name},
            target=self._target_names(directory, phones),
            departments=list(tree(directory.departments)),
            phones=phones,
            enum_words=lambda value: enum_words(value, language),
            value_words=lambda name, value: value_words(name, value, language),
            android=android,
            ready_names={one.key: one.zh if language == "zh" else one.en for one in ready_policies()},
            known_apps=known_apps(language),
            found=_groups_of(rows, query.q, language),
            shown_groups=[row.row.group for row in rows if touched and row.row.path.startswith(touched)],
            may={
                "write": principal.allows(POLICY_WRITE),
                "publish": principal.allows(POLICY_PUBLISH),
                "assign": principal.allows(POLICY_ASSIGN),
            },
        )

    async def effect(self, asked: Asked, policy_id: str, typed: Typed, phone: str | None) -> Html:
        """Render only what a document that is being written would change."""
        principal, language = asked.principal, asked.context.language
        subject = await self.subject(principal, policy_id)
        effect = await self.editor.effect(principal, subject, typed, phone)
        rows = await self.capabilities.rows(principal)
        return self.kit.show(
            "_effect.html",
            asked,
            back=f"{HOME}/{policy_id}",
            effect=effect,
            newest=subject.newest,
            phone=phone,
            **self._words(language, rows),
        )

    def _words(self, language: str, rows: Sequence[CapabilityRow]) -> dict[str, Any]:
        """Give what the templates say settings with."""
        return {
            "say": lambda name, value: said(name, value, language, self.policies.table),
            "unable": {one.row.path: one for one in rows if one.unable},
            "pattern_of": pattern_of,
        }

    async def subject(self, principal: Principal, policy_id: str) -> Subject:
        """Say which policy is edited; raise PolicyUnknown."""
        versions = await self.policies.service.versions(principal, policy_id)
        laid = await self.policies.assignments.find(principal, policy_id=policy_id)
        return Subject(policy_id, versions[0].number if versions else None, laid)

    async def _open(
        self,
        principal: Principal,
        policy_id: str,
        typed: Typed | None,
        query: PoliciesQuery,
        directory: Directory,
    ) -> Open:
        service = self.policies.service
        draft = await service.draft(principal, policy_id)
        versions = await service.versions(principal, policy_id)
        subject = await self.subject(principal, policy_id)
        changes: Sequence[Difference] = ()
        if versions:
            changes = await service.compare(principal, policy_id, versions[0].number, DRAFT)
        preview = None
        if query.phone is not None and typed is None:
            what_if = WhatIf(policy_id, query.number)
            preview = await self.policies.previews.of_device(principal, query.phone, what_if)
        shown = typed or opened(draft.document, draft.revision, query.look)
        return Open(
            await service.get(principal, policy_id),
            draft,
            versions,
            subject.assignments,
            changes,
            shown,
            await self.editor.desk(principal, subject, shown, directory, query.department),
            await self.editor.effect(principal, subject, shown, query.phone),
            preview,
        )

    async def _phones(self, principal: Principal) -> list[tuple[str, str]]:
        if not principal.allows(DEVICE_READ):
            return []
        wanted = DeviceFilter(trust=Trust.TRUSTED)
        found, _ = await self.kit.parts.fleet.queries.find(principal, wanted, limit=PHONES)
        return [(one.id, f"{one.name} · {one.model} · API {one.facts.api_level}") for one in found]

    def _target_names(self, directory: Directory, phones: Sequence[tuple[str, str]]) -> dict[str, str]:
        return (
            {place.id: place.name for place in directory.departments}
            | {one.id: one.display_name for one in directory.employees}
            | dict(phones)
        )


def _groups_of(rows: Sequence[CapabilityRow], text: str | None, language: str) -> dict[str, bool]:
    """Say in which groups something was found that was searched for."""
    return {one.row.group: True for one in matching(rows, text, language)} if text else {}


def _back(policy_id: str | None, version: VersionView | None, compared: Compared | None, *, new: bool) -> str:
    """Give the address of what is shown: the switches of language and theme lead there again."""
    if policy_id is None:
        return f"{HOME}/new" if new else HOME
    if version is not None:
        return f"{HOME}/{policy_id}/versions/{version.number}"
    if compared is not None:
        return f"{HOME}/{policy_id}/compare?before={compared.before}&after={compared.after}"
    return f"{HOME}/{policy_id}"
