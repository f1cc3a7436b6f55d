"""Templates: written with a preview, approved by somebody else, versions with what changed, retired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act
from dashboard.pages.administrator.wording import Piece, difference, example, variables_in
from dashboard.pages.kit import DeskQuery, Kit
from dashboard.pages.preferences import Seen
from gateway.contact.model import Purpose
from gateway.messages.errors import TemplateUnknown
from gateway.messages.permissions import TEMPLATE_APPROVE, TEMPLATE_READ, TEMPLATE_WRITE
from gateway.messages.templates import TemplateView
from gateway.messages.templating import Flaw, Variable, VariableKind

MAX_KINDS = 8
Name = Annotated[str, Field(max_length=80)]
Text = Annotated[str, Field(max_length=1000)]


class TemplatePath(ApiModel):
    template_id: IdStr


class VersionPath(ApiModel):
    version_id: IdStr


class TemplatesQuery(DeskQuery):
    """The address of the list."""

    purpose: Purpose | None = None


class TemplateForm(FormModel):
    """A text as typed. `names` lists the variables in the order of the choices `kind_1`, `kind_2`…"""

    template: IdStr | None = None
    name: Name = ""
    purpose: Purpose = Purpose.SERVICE
    text: Text = ""
    names: Annotated[str, Field(max_length=400)] = ""
    kind_1: VariableKind | None = None
    kind_2: VariableKind | None = None
    kind_3: VariableKind | None = None
    kind_4: VariableKind | None = None
    kind_5: VariableKind | None = None
    kind_6: VariableKind | None = None
    kind_7: VariableKind | None = None
    kind_8: VariableKind | None = None

    @property
    def kinds(self) -> dict[str, VariableKind]:
        """The kinds that were chosen, by variable."""
        chosen = (getattr(self, f"kind_{at}") for at in range(1, MAX_KINDS + 1))
        pairs = zip(self.names.split(","), chosen, strict=False)
        return {name: kind for name, kind in pairs if name and kind}


class DecisionForm(FormModel):
    approve: bool
    comment: Annotated[str, Field(max_length=300)] = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text being written: its variables, what it reads like, and what would be refused."""

    form: TemplateForm
    variables: tuple[Variable, ...]
    preview: str
    flaws: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A version and what it changed of the one before; an empty list for the first."""

    view: TemplateView
    changes: Sequence[Piece]
    preview: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its versions, newest first, the one in force and the one that waits."""

    versions: tuple[TemplateView, ...]
    in_force: TemplateView | None
    waiting: TemplateView | None

    @property
    def newest(self) -> TemplateView:
        return self.versions[0]

    @property
    def state(self) -> str:
        """retired, approved, or the newest version's own."""
        if self.newest.state == "retired":
            return "retired"
        return "approved" if self.in_force else self.newest.state


def gathered(views: Sequence[TemplateView]) -> list[Template]:
    """Put the versions of each template together."""
    by_id: dict[str, list[TemplateView]] = {}
    for view in views:
        by_id.setdefault(view.template_id, []).append(view)
    return [
        Template(
            tuple(versions),
            next((view for view in versions if view.state == "approved"), None),
            next((view for view in versions if view.state == "draft"), None),
        )
        for versions in by_id.values()
    ]


class TemplatePages:
    """What the pages of templates share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.templates = kit.parts.messages.templates

    async def show(
        self,
        asked: Asked,
        query: TemplatesQuery | None = None,
        *,
        template_id: str | None = None,
        form: TemplateForm | None = None,
        told: Failure | None = None,
    ) -> Html:
        """Render the list; `form` puts a text being written beside it, else `template_id` a template."""
        query, principal = query or TemplatesQuery(), asked.principal
        every = gathered(await self.templates.find(principal))
        chosen = next((one for one in every if one.newest.template_id == template_id), None)
        if template_id is not None and chosen is None:
            raise TemplateUnknown
        directory = await self.kit.parts.people.directory(principal)
        names = {person.id: person.display_name for person in directory.employees}
        names[principal.employee_id] = principal.display_name
        if form is not None and chosen is not None:
            form = form.model_copy(update={"name": chosen.newest.name, "purpose": chosen.newest.purpose})
        return self.kit.show(
            "templates.html",
            asked,
            back=f"/templates/{template_id}" if template_id else "/templates",
            query=query,
            told=told,
            templates=[one for one in every if query.purpose in {None, one.newest.purpose}],
            anything=bool(every),
            purposes=tuple(Purpose),
            kinds=tuple(VariableKind),
            chosen=chosen,
            versions=self._versions(chosen) if chosen else [],
            draft=self._draft(form) if form else None,
            wording=self.templates.wording,
            names=names,
            may_write=principal.allows(TEMPLATE_WRITE),
            may_approve=principal.allows(TEMPLATE_APPROVE),
        )

    def variables(self, form: TemplateForm) -> tuple[Variable, ...]:
        return variables_in(form.text, self.templates.wording, form.kinds)

    def blank(self, view: TemplateView | None = None) -> TemplateForm:
        """Give the form to write in, filled with a version if there is one."""
        if view is None:
            return TemplateForm()
        names = ",".join(variable.name for variable in view.variables)
        kinds = {f"kind_{at}": one.kind for at, one in enumerate(view.variables[:MAX_KINDS], start=1)}
        return TemplateForm.model_validate(
            {"template": view.template_id, "text": view.text, "names": names, **kinds}
        )

    def _draft(self, form: TemplateForm) -> Draft:
        variables = self.variables(form)
        flaws = self.templates.flaws(form.text, variables, form.purpose) if form.text else ()
        return Draft(form, variables, self._example(form.text, variables), flaws)

    def _versions(self, template: Template) -> list[Version]:
        """Pair each version with the one before it."""
        found = []
        for at, view in enumerate(template.versions):
            before = template.versions[at + 1] if at + 1 < len(template.versions) else None
            changes = difference(before.text, view.text) if before else []
            found.append(Version(view, changes, self._example(view.text, view.variables)))
        return found

    def _example(self, text: str, variables: tuple[Variable, ...]) -> str:
        wording = self.templates.wording
        return example(text, variables, institution=self.kit.parts.settings.institution, wording=wording)


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages. Fixed addresses come before the one of a template."""
    pages = TemplatePages(kit)
    return [*_writing(pages), *_reading(pages), *_deciding(pages)]


def _reading(pages: TemplatePages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/templates",
        permission=TEMPLATE_READ,
        summary_zh="模板页",
        summary_en="Page of templates",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: TemplatesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/templates/{template_id}",
        permission=TEMPLATE_READ,
        summary_zh="单个模板页",
        summary_en="Page of one template",
        errors=(TemplateUnknown,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: TemplatePath,
        query: TemplatesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, template_id=path.template_id)

    @endpoint(
        "GET",
        "/templates/{template_id}/write",
        permission=TEMPLATE_WRITE,
        summary_zh="编写模板新版本页",
        summary_en="Page to write a new version",
        errors=(TemplateUnknown,),
        kind="page",
    )
    async def rewrite(
        *,
        principal: Principal,
        path: TemplatePath,
        query: TemplatesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        views = await pages.templates.find(principal)
        newest = next((view for view in views if view.template_id == path.template_id), None)
        form = pages.blank(newest)
        return await pages.show(
            Asked(principal, context, headers), query, template_id=path.template_id, form=form
        )

    return [listing, one, rewrite]


def _writing(pages: TemplatePages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/templates/new",
        permission=TEMPLATE_WRITE,
        summary_zh="新建模板页",
        summary_en="Page to write a template",
        kind="page",
    )
    async def new(
        *, principal: Principal, query: TemplatesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, form=pages.blank())

    @endpoint(
        "POST",
        "/templates/preview",
        permission=TEMPLATE_WRITE,
        summary_zh="预览模板",
        summary_en="Preview a template",
        kind="page",
    )
    async def preview(
        *, principal: Principal, body: TemplateForm, context: RequestContext, headers: Seen
    ) -> Html:
        """Writes nothing."""
        return await pages.show(Asked(principal, context, headers), template_id=body.template, form=body)

    @endpoint(
        "POST",
        "/templates/new",
        permission=TEMPLATE_WRITE,
        summary_zh="提交模板",
        summary_en="Submit a template",
        kind="page",
    )
    async def submit(
        *, principal: Principal, body: TemplateForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        """A first version, or a further one of `template`."""
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, template_id=body.template, form=body, told=told)

        variables = pages.variables(body)
        if body.template is not None:
            action = pages.templates.write(principal, body.template, body.text, variables)
        else:
            action = pages.templates.create(principal, body.name.strip(), body.purpose, body.text, variables)
        to = f"/templates/{body.template}" if body.template else "/templates"
        return await act(action, to=to, done="template-written", language=context.language, again=again)

    return [new, preview, submit]


def _deciding(pages: TemplatePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/templates/{template_id}/retire",
        permission=TEMPLATE_WRITE,
        summary_zh="停用模板",
        summary_en="Retire a template",
        kind="page",
    )
    async def retire(*, principal: Principal, path: TemplatePath, context: RequestContext) -> Html | Redirect:
        return await act(
            pages.templates.retire(principal, path.template_id),
            to=f"/templates/{path.template_id}",
            done="template-retired",
            language=context.language,
        )

    @endpoint(
        "POST",
        "/template-versions/{version_id}/decision",
        permission=TEMPLATE_APPROVE,
        summary_zh="批准或驳回模板版本",
        summary_en="Approve or reject a version",
        kind="page",
    )
    async def decide(
        *,
        principal: Principal,
        path: VersionPath,
        body: DecisionForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        views = {view.id: view for view in await pages.templates.find(principal)}
        template_id = _template_of(views, path.version_id)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, template_id=template_id, told=told)

        action = pages.templates.decide(
            principal, path.version_id, approve=body.approve, comment=body.comment
        )
        done = "template-approved" if body.approve else "template-rejected"
        to = f"/templates/{template_id}"
        return await act(action, to=to, done=done, language=context.language, again=again)

    return [retire, decide]


def _template_of(views: Mapping[str, TemplateView], version_id: str) -> str:
    if version_id not in views:
        raise TemplateUnknown
    return views[version_id].template_id
