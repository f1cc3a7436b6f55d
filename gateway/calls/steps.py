"""The steps of a call that take time: verdict, media, second look and dialling, notice, closing, filing."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from core.errors import MasklineError
from core.logging import get_logger
from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.books import Judgement
from gateway.calls.errors import CallNotPlaced
from gateway.calls.flow import Mark, Phase
from gateway.calls.gear import Gear
from gateway.calls.legs import Legs
from gateway.calls.ports import MediaSession
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Verdict
from gateway.media.errors import SdpInvalid
from gateway.media.model import FailureReason, MediaReport, Side

_log = get_logger(__name__)
MAX_RETRY_AFTER = timedelta(days=1)
UNREGISTERED_STATUS = 480

Answer: TypeAlias = "Judgement | MasklineError | None"
"""What became of a wish for a call: judged, failed, or (None) bound to nobody."""


class Steps:
    """Each step gives the event that answers its command, or None if somebody else will tell."""

    def __init__(
        self,
        gear: Gear,
        ticket: CallTicket,
        legs: Legs,
        *,
        post: Callable[[on.Event], None],
        phase: Callable[[], Phase],
    ) -> None:
        self._gear = gear
        self._ticket = ticket
        self._legs = legs
        self._post = post
        self._phase = phase
        self._session: MediaSession | None = None
        self._report: MediaReport | None = None
        self._call: OpenedCall | None = None
        self._key = b""
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._log = _log.bind(call_id=ticket.call_id)

    @property
    def media(self) -> MediaSession:
        if self._session is None:
            raise CallNotPlaced
        return self._session

    @property
    def call(self) -> OpenedCall:
        if self._call is None:
            raise CallNotPlaced
        return self._call

    async def judge(self) -> on.Event:
        try:
            judgement = await self._gear.books.judge(self._ticket)
        except MasklineError as error:
            self._tell(error)
            raise
        if judgement is not None:
            self._call = judgement.call
            self._key = judgement.recording_key or b""
        self._tell(judgement)
        if judgement is None:
            return on.NoTarget()
        if judgement.call is None or not judgement.verdict.allowed:
            return self._denied(judgement.verdict)
        return on.Allowed()

    def _denied(self, verdict: Verdict) -> on.Denied:
        if verdict.next_allowed_at is None:
            return on.Denied()
        wait = verdict.next_allowed_at - self._gear.clock.now()
        sensible = timedelta(0) < wait <= MAX_RETRY_AFTER
        return on.Denied(int(wait.total_seconds()) + 1 if sensible else None)

    async def open_media(self, command: do.OpenMedia) -> on.Event:
        """Take ports and arm the recorder; which blob it writes is in the books before anybody is dialled."""
        session = await self._gear.media.open(self.call.call_id, self._key)
        self._session = session
        session.on_failure(self._media_failed)
        await self._gear.books.note_recording(self.call, session.recording_id)
        if command.caller is not None:
            try:
                session.set_remote(command.caller, command.offer or "")
            except SdpInvalid:
                return on.BadSdp(command.caller)
        return on.MediaReady()

    def _media_failed(self, reason: FailureReason) -> None:
        self._log.error("call.media_failed", reason=reason.value)
        self._post(on.MediaFailed(reason))

    async def call_staff(self) -> on.Event | None:
        phone = await self._gear.phones.locate(self.call.employee_id)
        if phone is None:
            return on.Failed(Side.STAFF, UNREGISTERED_STATUS)
        if self._phase() is Phase.CALLING_STAFF:
            self._legs.call_staff(phone, self.call, self.media.local_sdp(Side.STAFF))
        return None

    async def call_customer(self) -> on.Event | None:
        """Look again, let the number out, dial. The number lives in this one local variable only."""
        dialling = await self._gear.books.dial(self.call)
        if dialling.number is None:
            return self._denied(dialling.verdict)
        if self._phase() is Phase.CALLING_CUSTOMER:
            self._post(on.CustomerDialled())
            self._legs.call_customer(dialling.number, self.call, self.media.local_sdp(Side.CUSTOMER))
        return None

    async def play_notice(self) -> on.Event:
        return on.NoticeDone(await self.media.play_notice())

    async def note(self, mark: Mark, at: datetime) -> None:
        """Note a moment. If the database is away the call goes on: the record is written at its end."""
        try:
            await self._gear.books.note(self.call, mark, at)
        except Exception as error:  # noqa: BLE001 - see above
            self._log.warning("call.note_failed", state=mark.value, error_type=type(error).__name__)

    async def close_media(self) -> None:
        """Close the recording. If that fails the record says so; the blob's id stays in it."""
        if self._session is None:
            return
        try:
            async with asyncio.timeout(self._gear.limits.close_s):
                self._report = await self._session.close()
        except Exception as error:  # noqa: BLE001 - the call is over, its record must still be written
            self._log.error("call.recording_not_closed", error_type=type(error).__name__)

    async def file(self, record: do.CallRecord) -> None:
        """Write the record, and try again until the database takes it: nothing is lost."""
        pauses = iter(self._gear.limits.file_pauses_s)
        pause_s = 0.0
        while True:
            try:
                written = await self._gear.books.close(self._ticket.call_id, record, self._report)
            except Exception as error:  # noqa: BLE001 - whatever it is, an unwritten record is tried again
                pause_s = next(pauses, pause_s)
                self._log.error("call.not_filed", error_type=type(error).__name__, delay_s=pause_s)
                await asyncio.sleep(pause_s)
                continue
            if written:
                labels = (self._ticket.flow.value, record.cause.value, record.ended_by.value)
                self._gear.metrics.ended.labels(*labels).inc()
            return

    def give_up(self) -> None:
        """Tell whoever waits for the verdict that there will be none."""
        self._tell(CallNotPlaced())

    def _tell(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
