"""What can go wrong with reviews and appeals."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class FindingUnknown(NotFound):
    """There is no such finding, or you may not see it."""

    code = "finding-unknown"
    zh = "命中不存在，或您无权查看。"


class ReviewOutdated(Conflict):
    """Somebody decided on this finding while you looked at it; your decision was not written."""

    code = "review-outdated"
    zh = "您查看期间，他人已对该命中作出结论；您的结论没有写入。"


class ReviewTaken(Conflict):
    """Another reviewer is at work on this inspection."""

    code = "review-taken"
    zh = "该质检正由另一位复核员处理。"


class ReviewIncomplete(Conflict):
    """Some findings are still without a decision."""

    code = "review-incomplete"
    zh = "还有命中没有结论。"


class NotInspected(Conflict):
    """This inspection is not done yet; there is nothing to review."""

    code = "not-inspected"
    zh = "质检尚未完成，无可复核。"


class CommentMissing(Invalid):
    """Say why: overturning a finding and deciding an appeal need a comment."""

    code = "review-comment-missing"
    zh = "请说明理由：推翻命中或处理申诉必须填写意见。"


class NothingToUndo(Conflict):
    """There is no decision of yours to take back."""

    code = "nothing-to-undo"
    zh = "没有可以撤回的结论；只能撤回自己最近的一次。"


class AppealUnderWay(Conflict):
    """An appeal against this decision is open; only another reviewer can settle it."""

    code = "appeal-under-way"
    zh = "对该结论的申诉正在处理，只能由其他复核员裁定。"


class AppealNotYours(Forbidden):
    """You decided before the appeal; another reviewer must settle it."""

    code = "appeal-not-yours"
    zh = "申诉前的结论由您作出，须由其他复核员裁定。"


class AppealTwice(Conflict):
    """An objection to this finding was raised already; there is one for each finding."""

    code = "appeal-twice"
    zh = "该命中已申诉过；每处命中只能申诉一次。"


class AppealLate(Conflict):
    """The time to object is over."""

    code = "appeal-late"
    zh = "申诉期限已过。"


class AppealPointless(Conflict):
    """This finding was overturned; there is nothing to object to."""

    code = "appeal-pointless"
    zh = "该命中已被推翻，无需申诉。"
