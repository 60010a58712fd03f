"""The paired devices, which may use this backend from other machines, and the code for pairing the next one.

They are stored in files in `COLORIZE_HOME/remote`, so that `colorize devices` works without a connection to a running
server. Only the SHA-256 of a token is stored; the token has 256 random bits, so no salt or slow hash is needed.
`pairing` and `guard` handle the HTTP requests.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from colorizer.errors import InvalidInput
from colorizer.locks import try_lock
from colorizer.protocol.errors import Code
from colorizer.protocol.request import NAME_LETTERS, SECRET_BYTES
from colorizer.server import certificate
from colorizer.server.failures import Refused

CODE_LIVES_S = 600
TRIES = 5
"""Number of wrong codes after which the code becomes invalid."""

FINGERPRINT_BYTES = 10
"""Bytes of the certificate's SHA-256 in a pairing code: an attacker would have to try about 2^80 certificates."""

_LOOK_S = 0.01
_LETTERS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class UnknownDevice(InvalidInput):
    """There is no paired device of that name."""

    code = "unknown_device"


@dataclass(frozen=True)
class Device:
    """A paired machine."""

    id: str
    """16 hex digits; the owner of its jobs."""
    name: str
    token_sha256: str
    paired: str
    """UTC, ISO 8601."""


@dataclass(frozen=True)
class _Pending:
    secret: str  # not hashed: it is valid for minutes, and the certificate's key is in the same folder
    expires: float  # Unix time
    tries: int


class Devices:
    """The paired devices of this machine. The file is read again whenever it has changed."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or certificate.folder()
        self._read_at: tuple[int, int] | None = None
        self._devices: tuple[Device, ...] = ()

    def all(self) -> tuple[Device, ...]:
        """Every paired device, oldest first."""
        try:
            found = self._list.stat()
        except FileNotFoundError:
            self._read_at, self._devices = None, ()
            return ()
        if self._read_at != (found.st_mtime_ns, found.st_ino):
            self._devices = self._read()
            self._read_at = (found.st_mtime_ns, found.st_ino)
        return self._devices

    def _read(self) -> tuple[Device, ...]:
        try:
            return tuple(Device(**entry) for entry in json.loads(self._list.read_bytes()))
        except (ValueError, TypeError) as error:
            raise Refused(
                Code.INTERNAL,
                f"The list of paired devices can't be read. Delete {self._list} and pair the devices again.",
            ) from error

    def of_token(self, token: str) -> Device | None:
        """The device with this token; None for an unknown token."""
        given = _hash(token)
        matching = [d for d in self.all() if hmac.compare_digest(d.token_sha256, given)]
        return matching[0] if matching else None

    def revoke(self, name: str) -> Device:
        """Unpairs a device. Raises `UnknownDevice`."""
        with self._alone():
            for device in self.all():
                if device.name == name:
                    self._write([other for other in self.all() if other is not device])
                    return device
        known = ", ".join(device.name for device in self.all()) or "none"
        raise UnknownDevice(f"No device is called {name}. Choose one of: {known}.")

    def new_code(self) -> str:
        """Makes a pairing code for one device. It is valid for ten minutes and replaces an earlier code."""
        secret = secrets.token_bytes(SECRET_BYTES)
        with self._alone():
            self._write_code(_Pending(secret.hex(), time.time() + CODE_LIVES_S, TRIES))
        return spell(certificate.fingerprint()[:FINGERPRINT_BYTES] + secret)

    def pair(self, secret: str, name: str) -> tuple[Device, str]:
        """Pairs a device that sends a code's secret part; returns it and its token.

        Raises `Refused`. After too many wrong tries the code becomes invalid.
        """
        with self._alone():
            code = self._read_pending()
            if code is None or code.expires < time.time() or code.tries < 1:
                raise _refused()
            if not hmac.compare_digest(code.secret.encode(), secret.encode()):
                self._write_code(replace(code, tries=code.tries - 1))
                raise _refused()
            self._code.unlink()
            token = secrets.token_hex(32)
            paired = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            device = Device(secrets.token_hex(8), self._free(name), _hash(token), paired)
            self._write([*self.all(), device])
            return device, token

    @property
    def _list(self) -> Path:
        return self._folder / "devices.json"

    @property
    def _code(self) -> Path:
        return self._folder / "pairing.json"

    def _read_pending(self) -> _Pending | None:
        try:
            return _Pending(**json.loads(self._code.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _write_code(self, code: _Pending) -> None:
        certificate.write_private(self._code, json.dumps(asdict(code)).encode())

    def _write(self, devices: list[Device]) -> None:
        text = json.dumps([asdict(device) for device in devices], ensure_ascii=False, indent=1)
        certificate.write_private(self._list, text.encode())

    def _free(self, name: str) -> str:
        """The name, with a number if another device has the same one."""
        cleaned = " ".join("".join(c for c in name if c.isprintable()).split())[:NAME_LETTERS] or "device"
        taken, number, free = {device.name for device in self.all()}, 2, cleaned
        while free in taken:
            free, number = f"{cleaned} {number}", number + 1
        return free

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps the command line and the server from writing at the same time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._folder / "lock", "a+b", opener=partial(os.open, mode=0o600)) as file:
            while not try_lock(file):
                time.sleep(_LOOK_S)
            yield


def spell(data: bytes) -> str:
    """Encodes bytes in Crockford's base32, which has no letters that are easily confused, in groups of four."""
    text = base64.b32encode(data).decode().rstrip("=").translate(_LETTERS)
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _refused() -> Refused:
    """The error for all three cases, so that it doesn't reveal which one it is."""
    return Refused(
        Code.PAIRING_REFUSED,
        "This code is wrong, used or expired. Make a new one on that machine with `colorize devices pair`.",
    )
