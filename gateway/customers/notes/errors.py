"""What can go wrong with notes and next steps."""

from core.errors import Conflict, Invalid, NotFound


class NoteInvalid(Invalid):
    """This text is not acceptable."""

    code = "note-invalid"
    zh = "内容不符合要求。"


class NoteUnknown(NotFound):
    """There is no such note of yours."""

    code = "note-unknown"
    zh = "没有这条由您写的备注。"


class StepUnknown(NotFound):
    """There is no such next step."""

    code = "step-unknown"
    zh = "没有这条下一步计划。"


class TooManySteps(Conflict):
    """This customer has as many open next steps as one can keep in mind; finish one first."""

    code = "too-many-steps"
    zh = "该客户未完成的下一步过多，请先完成一些。"
