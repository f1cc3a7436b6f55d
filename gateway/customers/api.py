"""Customers over HTTP: create, change, find, import, erase. No answer holds a number."""

from core.access.model import Principal
from core.sheets.errors import REFUSALS
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from core.web.upload import Upload
from gateway import permissions
from gateway.customers.errors import (
    ApprovalRequired,
    CustomerExists,
    CustomerInvalid,
    CustomerUnknown,
    ExternalIdTaken,
    OwnerInvalid,
)
from gateway.customers.importing.errors import ImportRaced
from gateway.customers.importing.importer import CustomerImporter
from gateway.customers.model import CustomerChange, CustomerFilter, CustomerInput
from gateway.customers.schemas import (
    CustomerCreate,
    CustomerListQuery,
    CustomerOut,
    CustomerPatch,
    CustomerPath,
    CustomerSearch,
    ImportOut,
    ImportQuery,
)
from gateway.customers.service import CustomerPage, CustomerService

_WRITE_ERRORS = (CustomerInvalid, CustomerExists, ExternalIdTaken, OwnerInvalid)
_FILE_ERRORS = (*REFUSALS, ImportRaced)


def endpoints(service: CustomerService, importer: CustomerImporter) -> list[Endpoint]:
    """Give the endpoints of customers."""

    @endpoint(
        "POST",
        "/customers",
        permission=permissions.CUSTOMER_WRITE,
        status=201,
        summary_zh="新建客户",
        summary_en="Create a customer",
        errors=_WRITE_ERRORS,
        tags=("customers",),
    )
    async def create(*, principal: Principal, body: CustomerCreate) -> CustomerOut:
        given = CustomerInput(
            phone=body.phone,
            name=body.name,
            id_number=body.id_number,
            tags=tuple(body.tags),
            external_id=body.external_id,
            time_zone=body.time_zone,
            city=body.city,
        )
        return CustomerOut.model_validate(await service.create(principal, given, owner_id=body.owner_id))

    @endpoint(
        "GET",
        "/customers",
        permission=permissions.CUSTOMER_READ,
        summary_zh="客户列表（脱敏）",
        summary_en="List customers (masked)",
        tags=("customers",),
    )
    async def listing(*, principal: Principal, query: CustomerListQuery) -> Page[CustomerOut]:
        wanted = CustomerFilter(tag=query.tag, owner_id=query.owner_id)
        return _page(await service.find(principal, wanted, cursor=query.cursor, limit=query.limit))

    @endpoint(
        "POST",
        "/customers/search",
        permission=permissions.CUSTOMER_READ,
        summary_zh="按姓名、尾号、标签、负责人查找客户（脱敏）",
        summary_en="Search customers by name, last four digits, tag, owner (masked)",
        tags=("customers",),
    )
    async def search(*, principal: Principal, body: CustomerSearch) -> Page[CustomerOut]:
        wanted = CustomerFilter(body.name, body.last_four, body.tag, body.owner_id)
        return _page(await service.find(principal, wanted, cursor=body.cursor, limit=body.limit))

    @endpoint(
        "POST",
        "/customers/import",
        permission=permissions.CUSTOMER_IMPORT,
        summary_zh="从 CSV 或 XLSX 导入客户",
        summary_en="Import customers from CSV or XLSX",
        errors=_FILE_ERRORS,
        max_body_bytes=importer.max_bytes,
        timeout_s=120,
        tags=("customers",),
    )
    async def upload_file(*, principal: Principal, query: ImportQuery, upload: Upload) -> ImportOut:
        content = await upload.read()
        report = await importer.run(
            principal, content, mode=query.mode, dry_run=query.dry_run, owner_id=query.owner_id
        )
        return ImportOut.of(report)

    @endpoint(
        "GET",
        "/customers/{id}",
        permission=permissions.CUSTOMER_READ,
        summary_zh="查看客户（脱敏）",
        summary_en="See a customer (masked)",
        errors=(CustomerUnknown,),
        tags=("customers",),
    )
    async def get(*, principal: Principal, path: CustomerPath) -> CustomerOut:
        return CustomerOut.model_validate(await service.get(principal, path.id))

    @endpoint(
        "PATCH",
        "/customers/{id}",
        permission=permissions.CUSTOMER_WRITE,
        summary_zh="修改客户（身份资料须另行申请）",
        summary_en="Change a customer (who they are is asked for)",
        errors=(CustomerUnknown, ApprovalRequired, *_WRITE_ERRORS),
        tags=("customers",),
    )
    async def update(*, principal: Principal, path: CustomerPath, body: CustomerPatch) -> CustomerOut:
        change = CustomerChange(
            phone=body.phone,
            name=body.name,
            id_number=body.id_number,
            tags=None if body.tags is None else tuple(body.tags),
            external_id=body.external_id,
            time_zone=body.time_zone,
            city=body.city,
            owner_id=body.owner_id,
        )
        return CustomerOut.model_validate(await service.update(principal, path.id, change))

    @endpoint(
        "DELETE",
        "/customers/{id}",
        permission=permissions.CUSTOMER_ERASE,
        summary_zh="永久删除客户数据（销毁其密钥；须第二人时改为申请）",
        summary_en="Erase a customer for good (destroys their key; with a second person it is asked for)",
        errors=(CustomerUnknown, ApprovalRequired),
        step_up=True,
        tags=("customers",),
    )
    async def erase(*, principal: Principal, path: CustomerPath) -> None:
        await service.erase(principal, path.id)

    return [create, listing, search, upload_file, get, update, erase]


def _page(page: CustomerPage) -> Page[CustomerOut]:
    return Page(items=[CustomerOut.model_validate(view) for view in page.items], next_cursor=page.next_cursor)
