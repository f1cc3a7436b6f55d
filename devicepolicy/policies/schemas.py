"""Policies at the HTTP edge."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, JsonValue

from core.web.schema import ApiModel, IdStr
from devicepolicy.capabilities.expected import Gap, GapReason
from devicepolicy.capabilities.facts import Backend, DeviceFacts, Mode
from devicepolicy.capabilities.table import Capability
from devicepolicy.policies.diff import Change, Difference, Direction
from devicepolicy.policies.model import Layer, RolloutState, TargetKind
from devicepolicy.policies.ready import ReadyPolicy
from devicepolicy.policies.views import Preview

Document = dict[str, Any]
Number = Annotated[int, Field(ge=0, le=1_000_000, description="A version's number; 0 is the draft")]
Published = Annotated[int, Field(ge=1, le=1_000_000)]
Percentage = Annotated[int, Field(ge=1, le=100)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class PolicyPath(ApiModel):
    policy_id: IdStr


class VersionPath(ApiModel):
    policy_id: IdStr
    number: Published


class AssignmentPath(ApiModel):
    assignment_id: IdStr


class RolloutPath(ApiModel):
    rollout_id: IdStr


class DevicePath(ApiModel):
    device_id: IdStr


class CheckBody(ApiModel):
    document: Document


class PolicyCreate(ApiModel):
    """A document, or the key of a ready policy to begin with."""

    name: Name
    about: str = Field(default="", max_length=500)
    document: Document | None = None
    ready: str | None = Field(default=None, max_length=60)


class DraftBody(ApiModel):
    """The new draft, and the revision that it was made from."""

    document: Document
    revision: int = Field(ge=1)


class PublishBody(ApiModel):
    """The revision of the draft that was read, and why it is published."""

    revision: int = Field(ge=1)
    note: str = Field(default="", max_length=300)


class DiffQuery(ApiModel):
    before: Number
    after: Number


class FaultOut(ApiModel):
    """What is wrong with a document: where (JSON path), a stable code, and what to do."""

    path: str
    code: str
    zh: str
    en: str


class CheckOut(ApiModel):
    items: list[FaultOut]


class PolicyOut(ApiModel):
    """A policy; `latest` is its newest published number."""

    id: str
    name: str
    about: str
    latest: int | None
    revision: int
    created_at: AwareDatetime
    created_by: str


class PolicyList(ApiModel):
    items: list[PolicyOut]


class DraftOut(ApiModel):
    """The draft in normal form."""

    policy_id: str
    document: Document
    revision: int
    updated_at: AwareDatetime
    updated_by: str


class VersionOut(ApiModel):
    """A published version: `sha256` is that of the document's RFC 8785 bytes."""

    id: str
    policy_id: str
    number: int
    sha256: str
    document: Document
    note: str
    published_at: AwareDatetime
    published_by: str


class VersionList(ApiModel):
    items: list[VersionOut]


class DifferenceOut(ApiModel):
    """One setting that differs."""

    setting: str
    change: Change
    direction: Direction
    before: JsonValue
    after: JsonValue

    @classmethod
    def of(cls, one: Difference) -> "DifferenceOut":
        return cls.model_validate(one)


class DiffOut(ApiModel):
    items: list[DifferenceOut]


class ReadyOut(ApiModel):
    """A policy to begin with."""

    key: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    document: Document

    @classmethod
    def of(cls, ready: ReadyPolicy) -> "ReadyOut":
        return cls(**ready.model_dump())


class ReadyList(ApiModel):
    items: list[ReadyOut]


class CapabilityOut(ApiModel):
    """A setting that a policy may have, and what it needs."""

    group: str
    key: str
    zh: str
    en: str
    path: str
    min_api: int
    value_api: dict[str, int]
    modes: list[Mode]
    backends: list[Backend]
    user_manager: list[str]
    dpm: list[str]
    huawei: list[str]
    openharmony: dict[str, int]
    note_zh: str
    note_en: str

    @classmethod
    def of(cls, row: Capability) -> "CapabilityOut":
        return cls(
            group=row.group,
            key=row.key,
            zh=row.zh,
            en=row.en,
            path=row.path,
            min_api=row.min_api,
            value_api=dict(row.value_api),
            modes=sorted(row.modes),
            backends=sorted(row.backends),
            user_manager=list(row.user_manager),
            dpm=list(row.dpm),
            huawei=list(row.huawei),
            openharmony=dict(row.openharmony),
            note_zh=row.note_zh,
            note_en=row.note_en,
        )


class CapabilityList(ApiModel):
    version: str
    sha256: str
    items: list[CapabilityOut]


class TargetBody(ApiModel):
    """Whom a policy is laid on; everybody has no id."""

    kind: TargetKind
    id: IdStr | None = None


class AssignmentQuery(ApiModel):
    policy_id: IdStr | None = None


class AssignmentCreate(ApiModel):
    """Lays a version on somebody; with a roll-out on a share of the phones first."""

    layer: Layer
    target: TargetBody
    policy_id: IdStr
    number: Published
    rollout: "PlanBody | None" = None


class PointBody(ApiModel):
    number: Published


class AssignmentOut(ApiModel):
    """A policy laid on somebody; `version` is null while only its roll-out's phones have it."""

    id: str
    layer: Layer
    target_kind: TargetKind
    target_id: str
    policy_id: str
    policy_name: str
    version: int | None
    rollout_id: str | None
    created_at: AwareDatetime
    created_by: str


class AssignmentList(ApiModel):
    items: list[AssignmentOut]


class PlanBody(ApiModel):
    """Halt by itself when `abort_percent` of the phones that reported fail, once `abort_after` reported."""

    percentage: Percentage
    abort_percent: Percentage = 10
    abort_after: int = Field(default=5, ge=1, le=1_000_000)


class RolloutCreate(PlanBody):
    """Brings another version to the phones of an assignment."""

    assignment_id: IdStr
    number: Published


class RolloutQuery(ApiModel):
    open_only: bool = False


class WidenBody(ApiModel):
    percentage: Percentage


class RolloutOut(ApiModel):
    """A roll-out and how its phones fare."""

    id: str
    assignment_id: str
    policy_id: str
    policy_name: str
    from_version: int | None
    to_version: int
    state: RolloutState
    percentage: int
    abort_percent: int
    abort_after: int
    reported: int
    failed: int
    started_at: AwareDatetime
    started_by: str
    halted_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class RolloutList(ApiModel):
    items: list[RolloutOut]


class WhatIfBody(ApiModel):
    """A version put in place of the same policy's, or laid on as one more layer."""

    policy_id: IdStr
    number: Number
    layer: Layer = Layer.ORGANISATION


class PreviewBody(ApiModel):
    """A device that is here, or one that one thinks of (then with `api_level`)."""

    device_id: IdStr | None = None
    api_level: int = Field(default=33, ge=1, le=99)
    mode: Mode = Mode.FULLY_MANAGED
    backends: list[Backend] = Field(default=[Backend.ANDROID], min_length=1, max_length=3)
    department_id: IdStr | None = None
    employee_id: IdStr | None = None
    what_if: WhatIfBody | None = None

    def facts(self) -> DeviceFacts:
        return DeviceFacts(self.api_level, self.mode, frozenset(self.backends))


class SourceOut(ApiModel):
    """The assigned version that decided."""

    layer: Layer
    target_kind: TargetKind
    target_id: str
    assignment_id: str
    policy_id: str
    policy_name: str
    version_id: str
    version: int


class GapOut(ApiModel):
    """Why the device will not follow."""

    reason: GapReason
    zh: str
    en: str
    needs: int | None


class SettingOut(ApiModel):
    """One setting: its value, who decided it, what every layer asked, and what stands in the way."""

    setting: str
    value: JsonValue
    sha256: str
    source: SourceOut
    asked: list["AskedOut"]
    gap: GapOut | None


class AskedOut(ApiModel):
    """What one layer asked for."""

    layer: Layer
    policy_name: str
    version: int
    value: JsonValue


class PreviewOut(ApiModel):
    """What a device would be set to."""

    sha256: str
    document: Document
    layers: list[SourceOut]
    settings: list[SettingOut]
    gaps: int

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        effective = preview.effective
        return cls(
            sha256=effective.sha256,
            document=dict(effective.document),
            layers=[SourceOut.model_validate(layer.source) for layer in preview.layers],
            settings=[
                SettingOut(
                    setting=name,
                    value=value,
                    sha256=preview.hashes[name],
                    source=SourceOut.model_validate(effective.provenance[name]),
                    asked=_asked(preview, name),
                    gap=_gap(preview.gaps.get(name)),
                )
                for name, value in effective.settings.items()
            ],
            gaps=len(preview.gaps),
        )


def _asked(preview: Preview, name: str) -> list[AskedOut]:
    return [
        AskedOut(
            layer=layer.source.layer,
            policy_name=layer.source.policy_name,
            version=layer.source.version,
            value=layer.settings[name],
        )
        for layer in preview.layers
        if name in layer.settings
    ]


def _gap(gap: Gap | None) -> GapOut | None:
    return None if gap is None else GapOut(reason=gap.reason, zh=gap.zh, en=gap.en, needs=gap.needs)
