"""What can go wrong when a phone fetches or reports."""

from core.errors import Conflict, NotFound


class ReportOutOfOrder(Conflict):
    """A report of this number or a later one came already; number the next one above `last_seq`."""

    code = "report-out-of-order"
    zh = "已收到同号或更新的报告；下一份报告的序号须大于 last_seq。"


class NothingDesired(NotFound):
    """Nothing is wanted of this phone."""

    code = "nothing-desired"
    zh = "目前对这台手机没有要求。"
