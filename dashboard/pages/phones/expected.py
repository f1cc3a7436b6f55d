"""The phones that are expected: who came, who is missing, and many of them decided about at once."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.filters import FilterQuery
from dashboard.forms import DoneQuery, FormModel, act
from dashboard.pages.phones.kit import PhoneKit, names_of
from dashboard.pages.preferences import Seen, local_path
from devicepolicy.permissions import DEVICE_ENROL, DEVICE_READ, DEVICE_WRITE
from devicepolicy.roster.model import Decision, Done, RosterFilter, Standing

HOME = "/expected-phones"
SHOWN = 50
PICK = "pick."
Count = Annotated[int, Field(ge=0, le=10_000)]


class ExpectedQuery(FilterQuery, DoneQuery):
    """The address of the list. `changed` and `skipped` say what came of a decision."""

    page_path: ClassVar[str] = HOME

    standing: Standing | None = None
    list: IdStr | None = None
    employee: IdStr | None = None
    department: IdStr | None = None
    changed: Count | None = None
    skipped: Count | None = None

    def given(self) -> dict[str, str]:
        said = super().given()
        return {name: value for name, value in said.items() if name not in {"changed", "skipped"}}


class DecideForm(FormModel):
    """One decision for all that is ticked: each tick is a field of its own, named after its phone."""

    decision: Decision
    back: Annotated[str, Field(max_length=2000)] = HOME
    picked_ids: Annotated[tuple[IdStr, ...], Field(min_length=1, max_length=SHOWN)]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        picked = tuple(name.removeprefix(PICK) for name in value if name.startswith(PICK))
        rest = {name: given for name, given in value.items() if not name.startswith(PICK)}
        return {**rest, "picked_ids": picked} if picked else rest


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page and what its form does."""
    return [_page(kit), _decide(kit)]


def _page(kit: PhoneKit) -> Endpoint:
    @endpoint(
        "GET",
        HOME,
        permission=DEVICE_READ,
        summary_zh="应到手机页",
        summary_en="Page of the phones that are expected",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: ExpectedQuery, context: RequestContext, headers: Seen
    ) -> Html:
        parts, desk = kit.parts, kit.parts.fleet.roster
        picture = await kit.picture(principal)
        directory = await parts.people.directory(principal)
        path = directory.path_of(query.department) if query.department else None
        below = tuple(place.id for place in directory.departments if path and place.path.startswith(path))
        wanted = RosterFilter(query.standing, query.list, query.employee, below if query.department else None)
        phones, following = await desk.find(principal, wanted, cursor=query.cursor, limit=SHOWN)
        counts = await desk.counts(principal, query.list)
        chosen = None
        if query.list and principal.allows(DEVICE_ENROL):
            chosen = await parts.fleet.lists.one(principal, query.list)
        return kit.show(
            "expected.html",
            Asked(principal, context, headers),
            query=query,
            picture=picture,
            directory=directory,
            counts=[(one, counts.get(one, 0), query.address(standing=one)) for one in Standing],
            anybody=bool(sum(counts.values())) or query.list is not None,
            phones_listed=phones,
            chosen=chosen,
            names=names_of(directory),
            given=query.given(),
            next_address=query.address(cursor=following) if following else None,
            standings=tuple(Standing),
            decisions=tuple(Decision),
            may_enrol=principal.allows(DEVICE_ENROL),
            may_write=principal.allows(DEVICE_WRITE),
        )

    return listing


def _decide(kit: PhoneKit) -> Endpoint:
    @endpoint(
        "POST",
        f"{HOME}/decide",
        permission=DEVICE_WRITE,
        summary_zh="批量确认、驳回、恢复或移除所选手机",
        summary_en="Confirm, reject, restore or remove the ticked phones",
        kind="page",
    )
    async def decide(*, principal: Principal, body: DecideForm, context: RequestContext) -> Html | Redirect:
        def counted(done: Done) -> dict[str, str]:
            return {"changed": str(done.done), "skipped": str(done.skipped)}

        return await act(
            kit.parts.fleet.roster.decide(principal, body.picked_ids, body.decision),
            to=local_path(body.back),
            done=f"roster.{body.decision}",
            language=context.language,
            more=counted,
        )

    return decide
