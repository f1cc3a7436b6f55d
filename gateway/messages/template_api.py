"""Templates over HTTP: write, approve, list, retire."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from gateway.messages import permissions
from gateway.messages.errors import (
    OwnTemplate,
    TemplateDecided,
    TemplateExists,
    TemplateInvalid,
    TemplateUnknown,
)
from gateway.messages.schemas import (
    DecisionBody,
    TemplateCreate,
    TemplateList,
    TemplateListQuery,
    TemplateOut,
    TemplatePath,
    TemplateWrite,
    VariableBody,
    VersionPath,
)
from gateway.messages.templates import TemplateService
from gateway.messages.templating import Variable

_TAGS = ("templates",)


def endpoints(templates: TemplateService) -> list[Endpoint]:
    """Give the endpoints of templates."""

    @endpoint(
        "GET",
        "/templates",
        permission=permissions.TEMPLATE_READ,
        summary_zh="模板列表",
        summary_en="List templates",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: TemplateListQuery) -> TemplateList:
        found = await templates.find(principal, purpose=query.purpose, in_force=query.in_force)
        return TemplateList(items=[TemplateOut.of(view) for view in found])

    @endpoint(
        "POST",
        "/templates",
        permission=permissions.TEMPLATE_WRITE,
        status=201,
        summary_zh="新建模板",
        summary_en="Create a template",
        errors=(TemplateExists, TemplateInvalid),
        tags=_TAGS,
    )
    async def create(*, principal: Principal, body: TemplateCreate) -> TemplateOut:
        variables = _variables(body.variables)
        view = await templates.create(principal, body.name, body.purpose, body.text, variables)
        return TemplateOut.of(view)

    @endpoint(
        "POST",
        "/templates/{template_id}/versions",
        permission=permissions.TEMPLATE_WRITE,
        status=201,
        summary_zh="新建模板版本",
        summary_en="Write a new version",
        errors=(TemplateUnknown, TemplateInvalid),
        tags=_TAGS,
    )
    async def write(*, principal: Principal, path: TemplatePath, body: TemplateWrite) -> TemplateOut:
        view = await templates.write(principal, path.template_id, body.text, _variables(body.variables))
        return TemplateOut.of(view)

    @endpoint(
        "POST",
        "/template-versions/{version_id}/decision",
        permission=permissions.TEMPLATE_APPROVE,
        summary_zh="批准或驳回模板版本",
        summary_en="Approve or reject a version",
        errors=(TemplateUnknown, TemplateDecided, TemplateInvalid, OwnTemplate),
        tags=_TAGS,
    )
    async def decide(*, principal: Principal, path: VersionPath, body: DecisionBody) -> TemplateOut:
        view = await templates.decide(principal, path.version_id, approve=body.approve, comment=body.comment)
        return TemplateOut.of(view)

    @endpoint(
        "DELETE",
        "/templates/{template_id}",
        permission=permissions.TEMPLATE_WRITE,
        summary_zh="停用模板",
        summary_en="Retire a template",
        errors=(TemplateUnknown,),
        tags=_TAGS,
    )
    async def retire(*, principal: Principal, path: TemplatePath) -> None:
        await templates.retire(principal, path.template_id)

    return [listing, create, write, decide, retire]


def _variables(given: list[VariableBody]) -> tuple[Variable, ...]:
    return tuple(Variable(variable.name, variable.kind) for variable in given)
