"""Who may speak to the backend at all: the token, then Host, Origin and Sec-Fetch-Site, before any route is looked at.

Also gives every answer its fixed headers and turns whatever goes wrong behind it into the one error body. Why each rule
exists: any local program can reach a loopback port, and so can any web page the artist has open.
"""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorizer.errors import ColorizerError
from colorizer.server import failures, log
from colorizer.server.failures import Code, Refused


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through or answers it with a refusal."""
        assert scope["type"] == "http"
        sender = _Sender(send)
        try:
            self._check(Headers(scope=scope))
        except Refused as refusal:
            log.event("request refused", method=scope["method"], code=refusal.code)
            await answer(refusal)(scope, receive, sender.send)
            return
        try:
            await self._app(scope, receive, sender.send)
        except Exception:  # noqa: BLE001 - the border of a request: the server must go on
            log.trouble("request failed", method=scope["method"])
            if not sender.started:
                await answer(Refused(Code.INTERNAL, INTERNAL))(scope, receive, sender.send)

    def _check(self, headers: Headers) -> None:
        given = headers.getlist("authorization")
        if not hmac.compare_digest("".join(given).encode("latin-1"), self._expected):
            raise Refused(
                Code.UNAUTHORIZED, "The token is missing or wrong; it is in the line printed at the start."
            )
        if headers.getlist("host") not in ([host] for host in self._hosts):
            raise Refused(Code.FORBIDDEN_HOST, f"`Host` must be {self._hosts[0]}.")
        if "origin" in headers:
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (with `Origin`) are refused.")
        if headers.get("sec-fetch-site", "none") != "none":
            raise Refused(Code.FORBIDDEN_ORIGIN, "Requests from web pages (`Sec-Fetch-Site`) are refused.")


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
