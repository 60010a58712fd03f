"""Parses server-sent events from bytes that may be split anywhere, without knowing HTTP or the events' content."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PENDING_BYTES = 1 << 20
"""More than this without the end of an event is not our backend."""


@dataclass(frozen=True)
class Event:
    """One event: its name ("message" where none was given) and its data, lines joined."""

    name: str
    data: str


class Parser:
    """Collects pieces of a stream and gives back the events that are complete."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises `ValueError` if it can't be an event stream."""
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
