"""Errors of the media plane."""

from core.errors import Conflict, Invalid, Unavailable


class SdpInvalid(Invalid):
    """The session description is not acceptable."""

    code = "sdp-invalid"
    zh = "媒体描述（SDP）无法接受。"


class PortsExhausted(Unavailable):
    """No media port is free."""

    code = "media-ports-exhausted"
    zh = "没有空闲的媒体端口。"


class RecorderUnavailable(Unavailable):
    """The recorder cannot be armed, so there is no call."""

    code = "recorder-unavailable"
    zh = "录音无法就绪，不能通话。"


class NoticeUnavailable(Unavailable):
    """The recording notice is missing or unreadable, so there is no call."""

    code = "notice-unavailable"
    zh = "录音告知语音缺失或无法读取，不能通话。"


class NoticeNotPlayed(Conflict):
    """The legs cannot be bridged before the recording notice has been played."""

    code = "notice-not-played"
    zh = "录音告知尚未播放完毕，不能接通双方。"


class RecordingUnreadable(Invalid):
    """The recording is not one of ours or is damaged."""

    code = "recording-unreadable"
    zh = "录音格式不符或已损坏。"
