"""Who may speak to the backend at all: the token, then Host, Origin and Sec-Fetch-Site, before any route is looked at.

Also gives every answer its fixed headers and turns whatever goes wrong behind it into the one error body. Why each rule
exists: any local program can reach a loopback port, and so can any web page the artist has open; on a network, anybody.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorizer.errors import ColorizerError
from colorizer.protocol.errors import Code
from colorizer.protocol.routes import PAIR
from colorizer.server import failures, log
from colorizer.server.certificate import HOST_NAME
from colorizer.server.devices import Devices
from colorizer.server.failures import Refused


class Door(Protocol):
    """Who is let in: one for this machine, one for others."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """What `Host` may be."""

    def owner(self, scope: Scope, authorization: str) -> str:
        """Whom the request's jobs belong to. Raises `Refused` where nobody is known by that `Authorization`."""


class LocalDoor:
    """The program that started the backend, which has its token."""

    def __init__(self, token: str, port: int) -> None:
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._expected = f"Bearer {token}".encode()

    def owner(self, scope: Scope, authorization: str) -> str:  # noqa: ARG002 - a `Door`'s signature
        """Nobody in particular: all jobs are the one artist's."""
        if not hmac.compare_digest(authorization.encode("latin-1"), self._expected):
            raise Refused(
                Code.UNAUTHORIZED, "The token is missing or wrong; it is in the line printed at the start."
            )
        return ""


class RemoteDoor:
    """Paired devices. Without a token one may only ask to be paired."""

    hosts = (HOST_NAME,)

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    def owner(self, scope: Scope, authorization: str) -> str:
        """The device's id."""
        if (scope["method"], scope["path"]) == ("POST", PAIR.path):
            return ""
        scheme, _, token = authorization.partition(" ")
        device = self._devices.of_token(token) if scheme == "Bearer" else None
        if device is None:
            raise Refused(
                Code.UNAUTHORIZED,
                "That machine doesn't know this one any more. Pair them again: `colorize devices pair` gives a code.",
            )
        return device.id


class Guard:
    """ASGI middleware around the whole application; tells it the `owner` in the request's state."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through or answers it with a refusal."""
        assert scope["type"] == "http"
        sender = _Sender(send)
        try:
            owner = self._check(scope, Headers(scope=scope))
        except Refused as refusal:
            log.event("request refused", method=scope["method"], code=refusal.code)
            await answer(refusal)(scope, receive, sender.send)
            return
        scope["state"] = {**scope.get("state", {}), "owner": owner}
        try:
            await self._app(scope, receive, sender.send)
        except Exception:  # noqa: BLE001 - the border of a request: the server must go on
            log.trouble("request failed", method=scope["method"])
            if not sender.started:
                await answer(Refused(Code.INTERNAL, INTERNAL))(scope, receive, sender.send)

    def _check(self, scope: Scope, headers: Headers) -> str:
        owner = self._door.owner(scope, "".join(headers.getlist("authorization")))
        if headers.get("host") not in self._door.hosts:  # of two the HTTP parser wouldn't let either in
            raise Refused(Code.FORBIDDEN_HOST, f"`Host` must be {self._door.hosts[0]}.")
        if "origin" in headers:
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (with `Origin`) are refused.")
        if headers.get("sec-fetch-site", "none") != "none":
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (`Sec-Fetch-Site`) are refused.")
        return owner


INTERNAL = "Something went wrong inside the backend; the details are in its log."


def answer(error: ColorizerError) -> JSONResponse:
    """The HTTP answer for an error."""
    return JSONResponse(failures.body(error), status_code=failures.status_of(error))


class _Sender:
    """Passes an answer on with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cache-Control"] = "no-store"
        await self._send(message)
