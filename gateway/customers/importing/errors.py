"""What can go wrong with an import as such; why a file is refused stands in `core.sheets.errors`."""

from core.errors import Conflict, NotFound


class ImportRaced(Conflict):
    """Somebody else added one of these customers meanwhile; nothing was written. Try again."""

    code = "import-raced"
    zh = "导入期间有他人新增了相同客户，未写入任何数据，请重试。"


class ImportUnknown(NotFound):
    """There is no such import, or you may not see it."""

    code = "import-unknown"
    zh = "没有此次导入，或您无权查看。"
