"""A host of files on the loopback that misbehaves as it is told: cuts, stalls, lies, redirects, refuses."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4096 + b"the end"
"""A little more than 1 MiB."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class FileHost:
    """What is served, and what is done to the next requests; each request takes one trick."""

    content: bytes = CONTENT
    etag: str = '"first"'
    tricks: list[str] = field(default_factory=list)
    always: str = ""
    """The trick of every request beyond those."""
    announced: str = ""
    """The X-Linked-Etag."""
    heard: list[dict[str, str]] = field(default_factory=list)
    location: str = ""
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        self.send_header("Connection", "close")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        host: FileHost = self.server.host  # type: ignore[attr-defined]
        host.heard.append(dict(self.headers))
        trick = host.tricks.pop(0) if host.tricks else host.always
        self.close_connection = True
        getattr(self, f"_{trick or 'serve'}")(host)

    def _head(self, host: FileHost, *, start: int = 0, length: int | None = None, **headers: str) -> None:
        whole = len(host.content)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(whole - start if length is None else length))
        if host.etag:
            self.send_header("ETag", host.etag)
        if host.announced:
            self.send_header("X-Linked-Etag", f'"{host.announced}"')
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _start(self, host: FileHost) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", host.etag) == host.etag
        return int(found[1]) if found and same else 0

    def _serve(self, host: FileHost) -> None:
        start = self._start(host)
        if start >= len(host.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(host.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._head(host, start=start)
        self.wfile.write(host.content[start:])

    def _cut(self, host: FileHost) -> None:
        """Half of what is left, then the connection ends."""
        start = self._start(host)
        self._head(host, start=start)
        self.wfile.write(host.content[start : start + (len(host.content) - start) // 2])

    def _stall(self, host: FileHost) -> None:
        self._head(host, start=self._start(host))
        self.wfile.flush()
        time.sleep(3)

    def _short(self, host: FileHost) -> None:
        self._head(host, length=100)
        self.wfile.write(host.content[:100])

    def _long(self, host: FileHost) -> None:
        self._head(host, length=10**15)
        self.wfile.write(host.content)

    def _nameless(self, host: FileHost) -> None:
        """No length at all."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(host.content[:50])

    def _false(self, host: FileHost) -> None:
        self._head(host)
        self.wfile.write(b"x" * len(host.content))

    def _elsewhere(self, host: FileHost) -> None:
        """Another part than the one that was asked for."""
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 5-{len(host.content) - 1}/{len(host.content)}")
        self.send_header("Content-Length", str(len(host.content) - 5))
        self.end_headers()
        self.wfile.write(host.content[5:])

    def _beyond(self, host: FileHost) -> None:
        self.send_response(416)
        self.send_header("Content-Range", "bytes */7")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _redirect(self, host: FileHost) -> None:
        self.send_response(302)
        self.send_header("Location", host.location)
        self.send_header("X-Linked-Etag", f'"{host.announced}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _busy(self, _: FileHost) -> None:
        self._refuse(503)

    def _gone(self, _: FileHost) -> None:
        self._refuse(404)

    def _private(self, _: FileHost) -> None:
        self._refuse(401)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is what these tests are about."""


def serve() -> tuple[FileHost, _Server]:
    """Starts a host; call `shutdown` and `server_close` of the server afterwards."""
    server = _Server(("127.0.0.1", 0), _Handler)
    host = FileHost(url=f"http://127.0.0.1:{server.server_port}/model.bin")
    server.host = host  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return host, server
