"""The one route that needs no token, and the rules that only hold for requests of other machines (docs/wire.md).

A pairing code travels as two parts: the certificate's fingerprint never leaves the docker, which compares it before it
sends the other, secret part here. So nobody in between gets to see a secret that is worth anything.
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
    """The route's handler; counts tries over all who knock."""

    def __init__(self, devices: Devices, settings: ServerSettings) -> None:
        self._devices = devices
        self._settings = settings
        self._tries: deque[float] = deque(maxlen=_TRIES_A_MINUTE)

    async def pair(self, http: Request) -> Response:
        """A token for the right code."""
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
            raise Refused(Code.TOO_MANY_TRIES, "Too many tries to pair. Wait a minute, then try again.")
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
            raise Refused(Code.TIMEOUT, "The body came too slowly and was given up.") from None
        return body


def job_id(http: Request, *, wanted: bool) -> str | None:
    """The id that the client chose for a new job. Raises `InvalidInput` where it is none, or missing but `wanted`."""
    given = http.headers.getlist("colorize-job")
    if not given and not wanted:
        return None
    if len(given) != 1 or not re.fullmatch(r"[0-9a-f]{32}", given[0]):
        raise InvalidInput("`Colorize-Job` must be 32 hexadecimal digits, others for every job.")
    return given[0]


async def not_from_afar(_: Request) -> Response:
    """Refuses what only the machine's owner may do."""
    raise Refused(
        Code.NOT_FROM_AFAR,
        "Models are changed on the machine where they lie: there, `colorize models` or its own docker does it.",
    )
