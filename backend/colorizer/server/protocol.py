"""Extends uvicorn's HTTP/1.1 by limits of the number of connections and of the time for a TLS handshake and for a
request's head, and by the backend's error body for invalid requests.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from colorizer.protocol.errors import Code
from colorizer.server import failures
from colorizer.server.failures import Refused


class BoundedProtocol(H11Protocol):
    """One connection. It may be silent for `timeout_keep_alive` of uvicorn's configuration."""

    max_connections = 128
    """A class attribute, because uvicorn makes the objects; `bounded_to` makes a subclass with another value."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.abort()
        else:
            self._start_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        head_unfinished = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        body_unwanted = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if not (head_unfinished or body_unwanted):
            self._stop_deadline()
        elif self._deadline is None:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answers an invalid request with the error body; uvicorn would send plain text."""
        refusal = Refused(Code.BAD_REQUEST, "This isn't an HTTP/1.1 request, or its head is too long.")
        body = json.dumps(failures.body(refusal)).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=400, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()


def bounded_to(connections: int) -> type[BoundedProtocol]:
    """The protocol class for a server with this maximum number of connections."""
    return type("BoundedProtocol", (BoundedProtocol,), {"max_connections": connections})


class Server(uvicorn.Server):
    """A server that uses TLS if it gets a context. uvicorn's own server would allow a minute for handshakes."""

    def __init__(
        self, config: uvicorn.Config, tls: ssl.SSLContext | None, handshake_timeout_s: float
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._handshake_timeout_s = handshake_timeout_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn before it accepts connections."""
        if self._tls is None or sockets is None:
            await super().startup(sockets)
            return
        await super().startup([])
        loop = asyncio.get_running_loop()
        for listener in sockets:
            served = await loop.create_server(
                self._protocol, sock=listener, ssl=self._tls, ssl_handshake_timeout=self._handshake_timeout_s
            )
            self.servers.append(served)

    def _protocol(self) -> asyncio.Protocol:
        made = self.config.http_protocol_class
        assert isinstance(made, type)
        return made(config=self.config, server_state=self.server_state, app_state={})  # type: ignore[call-arg]
