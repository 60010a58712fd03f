"""The route for pairing, which needs no token, and the rules for requests of other machines (docs/wire.md).

A pairing code has two parts. The docker compares the first, the certificate's fingerprint, with the certificate and
never sends it. Only then it sends the second, secret part, so an attacker in between can't get the secret.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import colorizer
from colorizer.errors import InvalidInput
from colorizer.protocol.answers import Paired
from colorizer.protocol.base import API, first_rule
from colorizer.protocol.errors import Code
from colorizer.protocol.request import PairingWish
from colorizer.protocol.routes import PAIR
from colorizer.server import log
from colorizer.server.devices import Devices
from colorizer.server.failures import Refused
from colorizer.server.limits import ServerSettings

_TRIES_A_MINUTE = 10
_BODY_BYTES = 1024


class Pairing:
    """The route's handler, with a common count of tries for all clients."""

    def __init__(self, devices: Devices, settings: ServerSettings) -> None:
        self._devices = devices
        self._settings = settings
        self._tries: deque[float] = deque(maxlen=_TRIES_A_MINUTE)

    async def pair(self, http: Request) -> Response:
        """Returns a token for a valid code."""
        self._count()
        body = await self._body(http)
        try:
            wish = PairingWish.model_validate_json(body, strict=True)
        except ValidationError as error:
            raise InvalidInput(first_rule(error, "pairing")) from error
        device, token = await asyncio.to_thread(self._devices.pair, wish.secret, wish.name)
        log.event("device paired", device=device.id)
        answer = Paired(token=token, name=device.name, api=API, version=colorizer.__version__)
        return JSONResponse(answer.model_dump(), status_code=PAIR.status)

    def _count(self) -> None:
        now = time.monotonic()
        if len(self._tries) == _TRIES_A_MINUTE and now - self._tries[0] < 60:
            raise Refused(Code.TOO_MANY_TRIES, "Too many tries of pairing. Wait a minute, then try again.")
        self._tries.append(now)

    async def _body(self, http: Request) -> bytes:
        body = b""
        try:
            async with asyncio.timeout(self._settings.pairing_timeout_s):
                async for chunk in http.stream():
                    body += chunk
                    if len(body) > _BODY_BYTES:
                        raise Refused(Code.TOO_LARGE, f"This body may have {_BODY_BYTES} bytes.")
        except TimeoutError:
            raise Refused(Code.TIMEOUT, "The body was sent too slowly.") from None
        return body


def job_id(http: Request, *, wanted: bool) -> str | None:
    """The id that the client chose for a new job. Raises `InvalidInput` if it is invalid, or missing but `wanted`."""
    given = http.headers.getlist("colorize-job")
    if not given and not wanted:
        return None
    if len(given) != 1 or not re.fullmatch(r"[0-9a-f]{32}", given[0]):
        raise InvalidInput("`Colorize-Job` must be 32 hexadecimal digits, different for every job.")
    return given[0]


async def not_from_afar(_: Request) -> Response:
    """Refuses requests that only the machine's owner may make."""
    raise Refused(
        Code.NOT_FROM_AFAR,
        "Models can be changed only on the machine where they are installed. Use `colorize models` or the docker"
        " there.",
    )
