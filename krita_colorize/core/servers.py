"""Paired machines: the stored data, and the input for pairing one.

This module has only values; `app.link` connects, `app.servers` stores the file. The pairing code is in docs/wire.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from krita_colorize.core.errors import UserError
from krita_colorize.core.handshake import Ready
from krita_colorize.core.translations import tr

PORT = 7860
"""The port of a machine if the artist types none."""

WRONG_CODE = (
    "A pairing code has 24 letters and digits in groups of four. Type it as it is shown on the other machine."
)
WRONG_ADDRESS = "Type the other machine's name or address, with its port if that isn't 7860: studio:7860."
BROKEN_FILE = (
    "The list of paired machines (servers.json) can't be read. Remove that file and pair them again."
)

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LIKENESS = str.maketrans("OIL", "011")
_CODE_LETTERS = 24
_FINGERPRINT_BYTES = 10


@dataclass(frozen=True)
class Server:
    """A paired machine: its address, the SHA-256 of its certificate (hex), and this device's token."""

    name: str
    host: str
    port: int
    fingerprint: str
    token: str = field(repr=False)

    @property
    def address(self) -> Ready:
        """The machine's address for requests."""
        return Ready(self.host, self.port, "", self.token, fingerprint=self.fingerprint)


@dataclass(frozen=True)
class Kept:
    """The content of `servers.json`: the machines, and the name of the chosen one ("" is this computer)."""

    servers: tuple[Server, ...] = ()
    chosen: str = ""

    @property
    def server(self) -> Server | None:
        """The chosen machine; None for this computer."""
        return next((server for server in self.servers if server.name == self.chosen), None)


@dataclass(frozen=True)
class PairingCode:
    """The two parts of a code in hexadecimal: the start of the certificate's SHA-256, and the secret."""

    fingerprint: str
    secret: str = field(repr=False)


def read_kept(text: str) -> Kept:
    """Reads `servers.json`. Raises `UserError`."""
    try:
        data = json.loads(text)
        return Kept(tuple(Server(**entry) for entry in data["servers"]), str(data["chosen"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(BROKEN_FILE) from error


def write_kept(kept: Kept) -> str:
    """The text of `servers.json`."""
    return json.dumps(asdict(kept), ensure_ascii=False, indent=1)


def read_code(text: str) -> PairingCode:
    """Reads a typed code; it may have lower-case letters, spaces, and O, I, L for 0, 1, 1. Raises `UserError`."""
    letters = "".join(c for c in text.upper() if c.isalnum()).translate(_LIKENESS)
    if len(letters) != _CODE_LETTERS or any(letter not in _LETTERS for letter in letters):
        raise UserError(tr(WRONG_CODE))
    number = 0
    for letter in letters:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    code = number.to_bytes(15, "big").hex()
    return PairingCode(code[: 2 * _FINGERPRINT_BYTES], code[2 * _FINGERPRINT_BYTES :])


def read_address(text: str) -> tuple[str, int]:
    """Reads `host`, `host:port` or `[ipv6]:port`. Raises `UserError`."""
    words = text.strip()
    host, colon, port = words.rpartition(":")
    if not colon or words.endswith("]"):
        host, port = words, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    fits = host and not any(c.isspace() or c in "/@?#[]" for c in host)
    if not fits or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(tr(WRONG_ADDRESS))
    return host, int(port)
