"""Why a whole file is refused. None of these quotes what is in it."""

from core.errors import Invalid


class FileTooLarge(Invalid):
    """The file is too large."""

    code = "import-file-too-large"
    zh = "文件过大。"


class FormatUnsupported(Invalid):
    """Only CSV and XLSX are read; save an old XLS or an encrypted file as XLSX without a password."""

    code = "import-format-unsupported"
    zh = "只支持 CSV 和 XLSX；旧版 XLS 或加密文件请另存为不加密的 XLSX。"


class FileUnreadable(Invalid):
    """The file is damaged and cannot be read."""

    code = "import-file-unreadable"
    zh = "文件已损坏，无法读取。"


class ArchiveSuspicious(Invalid):
    """The XLSX file unpacks to far more than it should; it was not opened."""

    code = "import-archive-suspicious"
    zh = "XLSX 文件解压后异常庞大，未予打开。"


class EncodingUnknown(Invalid):
    """The text is neither UTF-8 nor GB18030."""

    code = "import-encoding-unknown"
    zh = "文件编码既不是 UTF-8 也不是 GB18030。"


class TooManyRows(Invalid):
    """The file has too many rows; split it."""

    code = "import-too-many-rows"
    zh = "文件行数过多，请拆分后导入。"


class HeaderInvalid(Invalid):
    """The first row must name the columns: those that are required, and none twice."""

    code = "import-header-invalid"
    zh = "首行须为列名，必填的列不可缺少，且不得重复。"


REFUSALS = (
    FileTooLarge,
    FormatUnsupported,
    FileUnreadable,
    ArchiveSuspicious,
    EncodingUnknown,
    TooManyRows,
    HeaderInvalid,
)
