"""The file of customers to fill in, as CSV or as XLSX."""

from core.sheets import template
from core.sheets.layout import Layout

# A number that the numbering plan gives to nobody, and nobody's name.
EXAMPLE = {
    "phone": "13800000000",
    "name": "示例（请删除本行）",
    "id_number": "",
    "tags": "老客户,按揭",
    "external_id": "KH-0001",
    "time_zone": "",
    "city": "北京",
    "owner": "",
}


def as_csv(layout: Layout) -> bytes:
    """Give the file as CSV."""
    return template.as_csv(layout, EXAMPLE)


def as_xlsx(layout: Layout) -> bytes:
    """Give the file as a workbook."""
    return template.as_xlsx(layout, EXAMPLE)
