"""Cut a byte stream into lines, and drop what is too long, on either end of the switch socket."""

from gateway.switch.protocol import MAX_LINE_BYTES


class LineBuffer:
    """Collect bytes, give whole lines. A line above `limit` bytes is dropped and counted in `dropped`."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.dropped = 0
        self._limit = limit
        self._pending = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Add `data`; return the lines it completed, without newline and without empty ones."""
        lines: list[bytes] = []
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._append(end)
            if not self._skipping and self._pending:
                lines.append(bytes(self._pending))
            self._pending.clear()
            self._skipping = False
        self._append(rest)
        return lines

    def _append(self, part: bytes) -> None:
        if self._skipping:
            return
        if len(self._pending) + len(part) > self._limit:
            self._pending.clear()
            self._skipping = True
            self.dropped += 1
            return
        self._pending += part
