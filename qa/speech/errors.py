"""What can be wrong with speech: no engine, a broken model, audio that is none."""

from core.errors import Invalid, Unavailable


class NoSpeechEngine(Unavailable):
    """There is no speech engine to read recordings; inspections stay open until one is installed."""

    code = "no-speech-engine"
    zh = "没有可用的语音识别引擎，录音质检将保持待处理状态。"


class SpeechModelBroken(Unavailable):
    """The speech model is incomplete or was altered."""

    code = "speech-model-broken"
    zh = "语音模型不完整或已被改动。"


class SpeechEngineFailed(Unavailable):
    """The speech engine failed while it read a recording."""

    code = "speech-engine-failed"
    zh = "语音识别过程中出错。"


class AudioUnreadable(Invalid):
    """This is not audio that can be read."""

    code = "audio-unreadable"
    zh = "无法读取该音频。"
