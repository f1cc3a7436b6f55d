"""What can go wrong when a phone hands something in."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class RecordingUnknown(NotFound):
    """There is no such recording of this phone."""

    code = "recording-unknown"
    zh = "这台手机没有这段录音。"


class RecordingNotWanted(Conflict):
    """This recording is not collected: `reason` says why. Delete nothing for it, send nothing."""

    code = "recording-not-wanted"
    zh = "按策略、时段或告知书，不收集这段录音；原因见 reason。"


class OffsetWrong(Conflict):
    """This piece does not follow what is here: send on from `offset`."""

    code = "offset-wrong"
    zh = "该段与已收到的内容不相接，请从 offset 处继续发送。"


class PieceInvalid(Invalid):
    """A piece has 1 byte to 1 MiB and does not go beyond the announced size."""

    code = "piece-invalid"
    zh = "每段为 1 字节至 1 MiB，且不得超出所报的总长。"


class RecordingBroken(Conflict):
    """All of it is here and its SHA-256 is not the announced one: nothing is kept, send it again from 0."""

    code = "recording-broken"
    zh = "内容已收齐，但 SHA-256 与所报不符：未予保存，请从头重新发送。"


class UploadNotFound(NotFound):
    """There is no such upload within reach."""

    code = "upload-not-found"
    zh = "找不到该上传内容。"


class EventHandled(Conflict):
    """Somebody handled this event already."""

    code = "event-handled"
    zh = "该事件已有人处理。"


class EventOpen(Conflict):
    """Nothing is left to open again: these events are open, or somebody handled them anew."""

    code = "event-open"
    zh = "没有可以恢复的：这些事件未处理，或已由他人重新处理。"


class OwnConduct(Forbidden):
    """Nobody closes events about themselves: ask a colleague who may handle them."""

    code = "own-conduct"
    zh = "不能处理关于自己的事件，请由其他有权限的人处理。"
