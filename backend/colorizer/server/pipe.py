"""The messages between the HTTP process and the worker process, and their format on a pipe.

A message is the length of its head (unsigned 32 bit, little endian), the head as JSON, then the payload. Both ends are
parts of the backend, so only the form is checked. Clients use another format, `bundle`.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, Any

Buffer = bytes | bytearray | memoryview
_LENGTH = struct.Struct("<I")
LOST_CARD = 70
"""Exit status of a worker whose accelerator failed; the process can't use it any more."""


class Kind(str, Enum):
    """The kinds of messages; the comments name the sender, the fields and the payload."""

    RUN = "run"  # HTTP process: fields watched; the job's bundle as payload, or in `memory` (see there)
    CANCEL = "cancel"  # HTTP process
    WATCH = "watch"  # HTTP process: send previews from now on
    DESCRIBE = "describe"  # HTTP process: the models may have changed
    READY = "ready"  # worker: fields engines
    ENGINES = "engines"  # worker: fields engines
    NOTE = "note"  # worker: field note, a sentence for the artist if something works less well than it should
    STAGE = "stage"  # worker: fields name, done, total
    PREVIEW = "preview"  # worker; payload: PNG
    DONE = "done"  # worker; payload: the result's bundle
    FAILED = "failed"  # worker: fields code, message
    CANCELLED = "cancelled"  # worker


@dataclass(frozen=True)
class Message:
    """One message; `fields` are JSON values, `parts` are the payload in pieces (one piece when read)."""

    kind: Kind
    job: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Buffer, ...] = ()

    @property
    def payload(self) -> Buffer:
        """The payload of a message that was read."""
        return self.parts[0] if self.parts else b""


def write(stream: IO[bytes], message: Message) -> None:
    """Writes one message and flushes. Raises OSError if the other end is closed."""
    payload = sum(len(part) for part in message.parts)
    head = {"kind": message.kind.value, "job": message.job, "fields": message.fields, "payload": payload}
    encoded = json.dumps(head).encode()
    stream.write(_LENGTH.pack(len(encoded)) + encoded)
    for part in message.parts:
        stream.write(part)
    stream.flush()


def read(stream: IO[bytes]) -> Message | None:
    """Reads one message; None if the other end is closed, also in the middle of a message."""
    start = _read_exactly(stream, _LENGTH.size)
    encoded = start and _read_exactly(stream, _LENGTH.unpack(start)[0])
    if not encoded:
        return None
    head = json.loads(encoded)
    payload = _read_exactly(stream, head["payload"])
    if payload is None:
        return None
    return Message(Kind(head["kind"]), head["job"], head["fields"], (payload,))


def _read_exactly(stream: IO[bytes], size: int) -> bytearray | None:
    data = bytearray(size)
    with memoryview(data) as view:
        filled = 0
        while filled < size:
            got = stream.readinto(view[filled:])  # type: ignore[attr-defined]
            if not got:
                return None
            filled += got
    return data
