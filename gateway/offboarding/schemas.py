"""Unbinding and rebinding at the HTTP edge."""

from typing import Annotated

from pydantic import AwareDatetime, Field, SecretStr

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.offboarding.model import Offboarding, Person, Phase, Preview, StepKind, StepState, Undone
from gateway.offboarding.rebinding import FreshCode, Taken

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal")]


class PreviewWish(ApiModel):
    """Who is to be unbound, and who takes over. `wipe` asks for a wipe of the phones as well."""

    employee_id: IdStr
    successor_id: IdStr | None = None
    wipe: bool = False


class PersonOut(ApiModel):
    id: str
    name: str
    active: bool
    department_id: str | None
    roles: list[str]


class EffectOut(ApiModel):
    """What happens to how many. `undo`: whether it can be undone (yes, part, no)."""

    kind: StepKind
    count: int
    zh: str
    en: str
    undo: str


class PreviewOut(ApiModel):
    """What an unbinding would do. The act takes `id` and `digest`, and refuses if anything changed."""

    id: str
    employee: PersonOut
    successor: PersonOut | None
    wipe: bool
    digest: str
    at: AwareDatetime
    expires_at: AwareDatetime
    effects: list[EffectOut]


class UnbindWish(ApiModel):
    """The preview that is to be carried out."""

    preview_id: IdStr
    digest: Digest


class OffboardingPath(ApiModel):
    offboarding_id: IdStr


class OffboardingListQuery(PageQuery):
    employee_id: IdStr | None = None
    open_only: bool = False


class StepOut(ApiModel):
    """A step. `reference` is a phone's id; `reason` the code of what it waits for or why it failed."""

    id: str
    kind: StepKind
    state: StepState
    count: int
    zh: str
    en: str
    undo: str
    reference: str | None
    attempts: int
    reason: str | None
    next_try_at: AwareDatetime | None
    done_at: AwareDatetime | None


class OffboardingOut(ApiModel):
    """An unbinding with its steps."""

    id: str
    employee_id: str
    department_id: str | None
    successor_id: str | None
    by: str
    at: AwareDatetime
    phase: Phase
    digest: str
    undo_until: AwareDatetime
    can_undo: bool
    undone_at: AwareDatetime | None
    undone_by: str | None
    settled_at: AwareDatetime | None
    held_until: AwareDatetime
    hold_lifted_at: AwareDatetime | None
    ledger_seq: int
    steps: list[StepOut]


class UndoneOut(ApiModel):
    """What went back; what somebody has touched since stays with the successor."""

    offboarding: OffboardingOut
    customers: int
    bindings: int
    threads: int
    kept_customers: int
    kept_bindings: int


class RebindWish(ApiModel):
    """Who takes over what: a phone, or a line from its present holder, or both."""

    employee_id: IdStr
    device_id: IdStr | None = None
    line_id: IdStr | None = None
    holder_id: IdStr | None = None


class CodeOut(ApiModel):
    """A code, shown once. `text` is what a QR code holds."""

    rebinding_id: str
    employee_id: str
    expires_at: AwareDatetime
    text: str


class RebindingPath(ApiModel):
    rebinding_id: IdStr


class RedeemWish(ApiModel):
    """What was scanned."""

    code: SecretStr = Field(min_length=20, max_length=100)


class AccountOut(ApiModel):
    """A new phone account; the password is shown once."""

    username: str
    realm: str
    password: str


class TakenOut(ApiModel):
    """What was taken over."""

    rebinding_id: str
    device_id: str | None
    line_id: str | None
    customers: int
    bindings: int
    account: AccountOut | None


def preview_out(view: Preview) -> PreviewOut:
    """Show a preview."""
    return PreviewOut(
        id=view.id,
        employee=_person(view.employee),
        successor=None if view.successor is None else _person(view.successor),
        wipe=view.wipe,
        digest=view.digest,
        at=view.at,
        expires_at=view.expires_at,
        effects=[EffectOut.model_validate(effect) for effect in view.effects],
    )


def offboarding_out(view: Offboarding) -> OffboardingOut:
    """Show an unbinding."""
    return OffboardingOut.model_validate(view)


def undone_out(view: Undone) -> UndoneOut:
    """Show what went back."""
    return UndoneOut.model_validate(view)


def code_out(code: FreshCode) -> CodeOut:
    """Show a code, this once."""
    return CodeOut.model_validate(code)


def taken_out(taken: Taken) -> TakenOut:
    """Show what was taken over."""
    return TakenOut.model_validate(taken)


def _person(person: Person) -> PersonOut:
    return PersonOut(
        id=person.id,
        name=person.name,
        active=person.active,
        department_id=person.department_id,
        roles=sorted(person.roles),
    )
