"""Checks who may use the backend: the token, then Host, Origin and Sec-Fetch-Site, before any route is called.

It also adds the fixed headers to every answer and turns exceptions into error bodies. The checks are needed because any
local program and any web page that the artist has open can reach a loopback port, and on a network anybody can.
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
    """The rules of access: one class for this machine, one for other machines."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The permitted values of `Host`."""

    def owner(self, scope: Scope, authorization: str) -> str:
        """The owner of the request's jobs. Raises `Refused` for an unknown `Authorization`."""


class LocalDoor:
    """Admits the program that started the backend, which has its token."""

    def __init__(self, token: str, port: int) -> None:
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._expected = f"Bearer {token}".encode()

    def owner(self, scope: Scope, authorization: str) -> str:  # noqa: ARG002 - a `Door`'s signature
        """The empty string, because all jobs belong to the same artist."""
        if not hmac.compare_digest(authorization.encode("latin-1"), self._expected):
            raise Refused(
                Code.UNAUTHORIZED,
                "The token is missing or wrong. Use the one in the line that the backend printed when it started.",
            )
        return ""


class RemoteDoor:
    """Admits paired devices. Without a token only a request for pairing is allowed."""

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
                "This machine is no longer paired with that one. Pair them again with the code that"
                " `colorize devices pair` prints there.",
            )
        return device.id


class Guard:
    """ASGI middleware around the whole application; sets the `owner` in the request's state."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on or answers it with a refusal."""
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
        except Exception:  # noqa: BLE001 - an error in one request must not end the server
            log.trouble("request failed", method=scope["method"])
            if not sender.started:
                await answer(Refused(Code.INTERNAL, INTERNAL))(scope, receive, sender.send)

    def _check(self, scope: Scope, headers: Headers) -> str:
        owner = self._door.owner(scope, "".join(headers.getlist("authorization")))
        if (
            headers.get("host") not in self._door.hosts
        ):  # a request with two `Host` headers is refused by the HTTP parser
            raise Refused(Code.FORBIDDEN_HOST, f"`Host` must be {self._door.hosts[0]}.")
        if "origin" in headers:
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (with `Origin`) are refused.")
        if headers.get("sec-fetch-site", "none") != "none":
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (`Sec-Fetch-Site`) are refused.")
        return owner


INTERNAL = "Something went wrong in the backend. The details are in its log."


def answer(error: ColorizerError) -> JSONResponse:
    """The HTTP answer for an error."""
    return JSONResponse(failures.body(error), status_code=failures.status_of(error))


class _Sender:
    """Sends an answer with the headers that every answer has."""

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
