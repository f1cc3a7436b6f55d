"""What can go wrong with inspections and alerts."""

from core.errors import Conflict, Invalid, NotFound


class InspectionUnknown(NotFound):
    """There is no such inspection, or you may not see it."""

    code = "inspection-unknown"
    zh = "质检记录不存在，或您无权查看。"


class AlertUnknown(NotFound):
    """There is no such alert, or you may not see it."""

    code = "alert-unknown"
    zh = "预警不存在，或您无权查看。"


class AlertTaken(Conflict):
    """Somebody else took this alert."""

    code = "alert-taken"
    zh = "该预警已由他人受理。"


class AlertClosed(Conflict):
    """This alert is closed already."""

    code = "alert-closed"
    zh = "该预警已关闭。"


class AlertRuleUnknown(NotFound):
    """There is no such rule about words."""

    code = "alert-rule-unknown"
    zh = "没有这条敏感词规则。"


class RulebookInvalid(Invalid):
    """The inspection rules are not acceptable."""

    code = "inspection-rules-invalid"
    zh = "质检规则不符合要求。"
