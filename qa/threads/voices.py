"""Reads voice messages: decodes the file, lets the speech engine read it, keeps one result of each.

What cannot be decoded is said to be unreadable, never passed over; an engine that is away is tried again.
"""

import asyncio

from core.db import Database
from core.errors import NotFound
from core.logging import get_logger
from core.vault import SubjectErased
from qa.ports import VoiceFile, VoiceSource, VoiceText, VoiceTranscriber
from qa.speech.decode import decode
from qa.speech.digits import masked_spans
from qa.speech.errors import AudioUnreadable

READ, SILENT, UNREADABLE = "read", "silent", "unreadable"
_log = get_logger(__name__)


class VoiceReading:
    """The use case."""

    def __init__(self, *, database: Database, voices: VoiceSource, transcriber: VoiceTranscriber) -> None:
        self._database = database
        self._voices = voices
        self._transcriber = transcriber

    async def read(self, attachment_id: str) -> None:
        """Read one voice message; nothing happens if it was tried before, is gone, or its customer is erased.

        Raises:
            Unavailable: the engine is away; nothing was kept.
        """
        try:
            file = await self._voices.open(attachment_id)
            if file is None:
                return
            found = await asyncio.to_thread(self._hear, file)
            async with self._database.begin() as session:
                await self._voices.keep(session, attachment_id, found)
        except (SubjectErased, NotFound) as error:
            _log.info("voice.gone", attachment_id=attachment_id, reason=error.code)
            return
        _log.info("voice.read", attachment_id=attachment_id, outcome=found.result)

    def _hear(self, file: VoiceFile) -> VoiceText:
        try:
            sound = decode(file.content, file.media_type)
        except AudioUnreadable:
            return VoiceText(UNREADABLE)
        transcript = self._transcriber.transcribe_voice(sound.samples, sound.sample_rate, file.role)
        if not transcript.sentences:
            return VoiceText(SILENT)
        confidence = sum(sentence.confidence for sentence in transcript.sentences) / len(transcript.sentences)
        text = "\n".join(sentence.text for sentence in transcript.sentences)
        return VoiceText(READ, text, confidence, masked_spans(text))
