"""The media of one call: two legs, notice, bridge and recorder."""

from gateway.media.model import DtmfHandler, FailureHandler, MediaReport, MediaStats, NoticePlayed, Side
from gateway.media.sdp import RemoteMedia


class MediaSession:
    """Given by `MediaPlane.open`; always `close()` it, whatever happened."""

    @property
    def recording_id(self) -> str:
        """Blob id of the recording being written; keep it in the call's row, `recover_recording` needs it."""
        raise NotImplementedError

    def local_sdp(self, side: Side) -> str:
        """Our SDP for that leg: an answer if `set_remote` came first, else an offer. Grows its version when it changes."""
        raise NotImplementedError

    def set_remote(self, side: Side, sdp: str) -> RemoteMedia:
        """Take the leg's offer, answer or re-offer (also hold and resume: see `.held`). Raises `SdpInvalid`, changing nothing."""
        raise NotImplementedError

    def hold(self, side: Side, sdp: str) -> RemoteMedia:
        """Same as `set_remote`, for a re-offer in the middle of a call."""
        raise NotImplementedError

    def play_ringback(self, side: Side) -> None:
        """Start our own ring tone towards that leg (450 Hz, 1 s on, 4 s off); idempotent."""
        raise NotImplementedError

    def stop_ringback(self, side: Side) -> None: ...

    async def play_notice(self) -> NoticePlayed:
        """Start the recording and play the notice to both legs at once; returns when it has finished."""
        raise NotImplementedError

    def bridge(self) -> None:
        """Let the voices through. Raises `NoticeNotPlayed` before `play_notice` has finished."""
        raise NotImplementedError

    def stats(self) -> MediaStats:
        raise NotImplementedError

    def on_failure(self, callback: FailureHandler) -> None: ...

    def on_dtmf(self, callback: DtmfHandler) -> None: ...

    async def close(self) -> MediaReport:
        """Stop everything, close the recording, free the ports. Idempotent: later calls give the same report."""
        raise NotImplementedError
