"""Parses server-sent events from bytes that may be split anywhere, without knowing HTTP or the events' content."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PENDING_BYTES = 1 << 20
"""Limit of an incomplete event; a longer one can't be from the backend."""


@dataclass(frozen=True)
class Event:
    """One event: its name ("message" by default), and its lines of data, joined."""

    name: str
    data: str


class Parser:
    """Collects pieces of a stream and returns the complete events."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Event]:
        """Adds a piece and returns the events that it completes. Raises `ValueError` if an event is too long."""
        *blocks, self._pending = (self._pending + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._pending) > MAX_PENDING_BYTES:
            raise ValueError("an event is longer than 1 MiB")
        events = (_event(block.decode("utf-8")) for block in blocks)
        return [event for event in events if event is not None]


def _event(block: str) -> Event | None:
    name, lines = "message", []
    for line in block.split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            lines.append(value)
    return Event(name, "\n".join(lines)) if lines else None
