"""What the policy editor shows: a draft as form or JSON, what is refused, what it would change for whom."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import Field, model_validator

from core.access.model import Principal
from core.ledger.record import JSON
from core.web.schema import IdStr
from dashboard.forms import FormModel
from dashboard.pages.phones.capabilities import able
from dashboard.pages.phones.editor_form import json_fault, read, tidy, without, written
from dashboard.pages.phones.editor_layout import Around, Group, Layout, Said, gather
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from devicepolicy.capabilities.expected import expected_gaps
from devicepolicy.capabilities.facts import DeviceFacts
from devicepolicy.permissions import DEVICE_READ
from devicepolicy.policies.diff import Difference
from devicepolicy.policies.errors import Fault
from devicepolicy.policies.model import TargetKind
from devicepolicy.policies.previews import Imagined, WhatIf
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.schema import schemas
from devicepolicy.policies.service import DRAFT
from devicepolicy.policies.settings import flatten
from devicepolicy.policies.views import AssignmentView, Preview

MORE = "more."
_ANDROID_13 = 33
"""The level of the phone that one thinks of where only the layers matter."""
Text = Annotated[str, Field(max_length=262_144)]
Place = Annotated[str, Field(max_length=500)]


class Look(StrEnum):
    """Two looks of one document."""

    FORM = "form"
    JSON = "json"


class DraftForm(FormModel):
    """The document as a form (`fields`, by JSON path) or as JSON (`text`), and the draft that it began from.

    `show` changes the look, `drop` takes an item out, `check` looks at it: only without them it is saved.
    """

    look: Look = Look.JSON
    text: Text = ""
    fields: Mapping[str, Text] = {}
    revision: Annotated[int, Field(ge=1)] = 1
    check: bool = False
    show: Look | None = None
    drop: Place | None = None
    department: IdStr | None = None
    phone: IdStr | None = None
    q: Annotated[str, Field(max_length=60)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        if not isinstance(value, dict) or "fields" in value:
            return value
        fields = gather(value)
        opened = {
            f"{name.removeprefix(MORE)}.{value[name]}": ""
            for name in value
            if name.startswith(MORE) and value[name]
        }
        rest = {name: text for name, text in value.items() if name not in fields}
        rest = {name: text for name, text in rest.items() if not name.startswith(MORE) and text != ""}
        return {**rest, "fields": {**gather(opened), **fields}}

    @property
    def touched(self) -> str:
        """Give the list that an item was taken out of, or in which a setting was opened."""
        opened_now = next((name for name, text in self.fields.items() if not text and "[" in name), "")
        place = self.drop or (opened_now if self.show is not None else "")
        return place.removeprefix("$.").partition("[")[0]

    @property
    def saves(self) -> bool:
        return not self.check and self.show is None and self.drop is None


@dataclass(frozen=True, slots=True)
class Typed:
    """A document as somebody typed it, with what would be refused. `document`: None while it is no JSON."""

    text: str
    revision: int
    faults: tuple[Fault, ...] = ()
    checked: bool = False
    look: Look = Look.FORM
    fields: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    only_json: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a document would change: against the newest version, and on one phone. None: it is not sound."""

    faults: tuple[Fault, ...]
    changes: Sequence[Difference] | None = None
    preview: Preview | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The form as it is laid out; `homeless` is refused at no field of it."""

    groups: tuple[Group, ...]
    homeless: tuple[Fault, ...]
    department: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """Which policy is edited: its newest version (None: never published) and whom it reaches."""

    policy_id: str
    newest: int | None
    assignments: Sequence[AssignmentView]


def shown_json(document: Mapping[str, Any]) -> str:
    """Set a document as people write it."""
    return json.dumps(document, ensure_ascii=False, indent=2)


def read_json(text: str) -> tuple[dict[str, Any] | None, tuple[Fault, ...]]:
    """Read what was typed; None with the place where it is no JSON object."""
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        return None, (json_fault(error, "$"),)
    if not isinstance(found, dict):
        return None, (Fault("$", "type", "应为对象。", "This must be an object."),)
    return found, ()


def opened(document: Mapping[str, Any], revision: int, look: Look) -> Typed:
    """Open a draft. A document that the form cannot say without a loss is shown as JSON."""
    fields = written(document, schemas())
    told, faults = read(tidy(fields, schemas()), schemas())
    loses = bool(faults) or told != document
    shown = Look.JSON if loses else look
    return Typed(
        shown_json(document), revision, look=shown, fields=fields, document=document, only_json=loses
    )


def typed(form: DraftForm) -> Typed:
    """Read what was sent, in the look that was asked for as far as nothing is lost by that."""
    if form.look is Look.FORM:
        fields = tidy(without(form.fields, form.drop) if form.drop else form.fields, schemas())
        document, faults = read(fields, schemas())
        made = Typed(shown_json(document), form.revision, faults, look=Look.FORM, fields=fields)
        return replace(made, document=document, look=form.show if form.show and not faults else Look.FORM)
    found, faults = read_json(form.text)
    if found is None or form.show is not Look.FORM:
        return Typed(form.text, form.revision, faults, look=Look.JSON, document=found)
    made = opened(found, form.revision, Look.FORM)
    return replace(made, text=form.text)


class PolicyEditor:
    """Looks at documents with the services' eyes: it judges nothing itself."""

    def __init__(self, parts: DashboardParts) -> None:
        self._parts = parts
        self._policies = parts.policies

    def looked_at(self, principal: Principal, one: Typed, *, checked: bool) -> Typed:
        """Add what the service would refuse."""
        faults = one.faults
        if not faults and one.document is not None:
            faults = self._policies.service.check(principal, one.document)
        return replace(one, faults=faults, checked=checked)

    async def effect(self, principal: Principal, of: Subject, one: Typed, phone: str | None) -> Effect:
        """Say what a document changes. Raises DeviceNotFound."""
        if one.faults or one.document is None:
            return Effect(one.faults)
        service = self._policies.service
        changes = await service.changes(principal, of.policy_id, of.newest, one.document)
        preview = None
        if phone is not None:
            what_if = WhatIf(of.policy_id, DRAFT, document=one.document)
            preview = await self._policies.previews.of_device(principal, phone, what_if)
        return Effect((), changes, preview)

    async def desk(
        self, principal: Principal, of: Subject, one: Typed, directory: Directory, department: str | None
    ) -> Desk:
        """Lay the form out, with the phones of a department; without one, of whom the policy reaches."""
        department = department or _department(of.assignments)
        sound = not one.faults and one.document is not None
        settings = flatten(one.document, self._policies.table) if sound and one.document is not None else {}
        around = Around(
            await self._fleet(principal, directory, department),
            one.faults,
            await self._said(principal, of.policy_id, department),
            lambda name, facts: self._cannot(name, facts, settings),
        )
        layout = Layout(one.fields, around, schemas(), self._policies.table)
        groups = layout.groups()
        return Desk(groups, layout.homeless(), department)

    def _cannot(self, name: str, facts: DeviceFacts, settings: Mapping[str, JSON]) -> bool:
        table = self._policies.table
        if name in settings:
            return name in expected_gaps({name: settings[name]}, facts, table)
        row = table.of(name)
        return row is not None and not able(row, facts)

    async def _fleet(
        self, principal: Principal, directory: Directory, department: str | None
    ) -> Mapping[DeviceFacts, int]:
        if not principal.allows(DEVICE_READ):
            return {}
        below: list[str] | None = None
        if department is not None:
            path = directory.path_of(department)
            below = [place.id for place in directory.departments if path and place.path.startswith(path)]
        return await self._parts.fleet.queries.facts(principal, below)

    async def _said(self, principal: Principal, policy_id: str, department: str | None) -> "_Others":
        imagined = Imagined(DeviceFacts(_ANDROID_13), department)
        preview = await self._policies.previews.of_imagined(principal, imagined)
        layers = [
            (layer.source.layer.value, f"{layer.source.policy_name} v{layer.source.version}", layer.settings)
            for layer in preview.layers
            if layer.source.policy_id != policy_id
        ]
        ready = [
            ("ready", key, flatten(document, self._policies.table)) for key, document in _ready().items()
        ]
        return _Others((*layers, *ready))


@dataclass(frozen=True, slots=True)
class _Others:
    """What other documents say of a setting."""

    documents: tuple[tuple[str, str, Mapping[str, JSON]], ...]

    def __call__(self, name: str) -> tuple[Said, ...]:
        return tuple(
            Said(kind, title, settings[name]) for kind, title, settings in self.documents if name in settings
        )


@cache
def _ready() -> Mapping[str, Mapping[str, Any]]:
    return {one.key: one.document for one in ready_policies()}


def _department(assignments: Sequence[AssignmentView]) -> str | None:
    """Give the department that a policy reaches if it is exactly one."""
    reached = {one.target_id for one in assignments if one.target_kind is TargetKind.DEPARTMENT}
    return next(iter(reached)) if len(reached) == 1 and len(assignments) == 1 else None
