"""The HTTP client of the backend (docs/wire.md), with Qt: no call blocks, and every answer is a signal.

It handles routes, headers and error bodies; `job` and `jobs` handle jobs, `backend` the process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from krita_colorize.app import memory
from krita_colorize.app.guard import guarded
from krita_colorize.app.home import LOG
from krita_colorize.app.memory import Body, SharedBody
from krita_colorize.core import bundle, job_status, sse
from krita_colorize.core.handshake import Ready
from krita_colorize.qt import IS_QT6, QtCore, QtNetwork, Signal

ANSWER_WITHIN_MS = 30_000
"""A request fails if no byte arrives for this long; event streams send a heartbeat every 10 s."""

_MAX_ERROR_BYTES = 1 << 16

REMOTE_HOST = "colorize.invalid"
"""The `Host` header that other machines accept (docs/wire.md, "Another machine")."""

WRONG_CERTIFICATE = (
    "That machine has another certificate than when it was paired, so nothing was sent. If it was set up again,"
    " remove it and pair it again."
)
GONE = "The colour engine stopped answering. Press Restart, or Colorize to try again."
NOT_UNDERSTOOD = "The colour engine answered in a way this docker doesn't understand. Update Krita Colorize."


@dataclass(frozen=True)
class Failure:
    """The reason why a request failed: an error code of docs/wire.md, or "gone" if there was no answer, and a
    sentence."""

    code: str
    message: str


class Call(QtCore.QObject):
    """A running request. Unless it is aborted, it emits either `done` with the body in pieces, or `failed` with a
    `Failure`, once, and then deletes itself."""

    done = Signal(object)
    failed = Signal(object)
    sent = Signal(object, object)  # bytes sent, bytes in total
    received = Signal(object, object)  # bytes received, bytes in total (-1: unknown)

    def __init__(self, reply: QtNetwork.QNetworkReply, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self.fingerprint = ""
        """SHA-256 of the server's certificate in hexadecimal, set before `done` if TLS is used."""
        self._reply: QtNetwork.QNetworkReply | None = reply
        self._pieces: list[bytes] = []
        reply.readyRead.connect(self._on_ready_read)
        # Signals aren't connected to signals, because Qt can't convert its 64-bit integers to Python objects there; nor
        # to lambdas, because a reply that outlives this object would crash in a lambda that Python has collected.
        reply.uploadProgress.connect(self._on_sent)
        reply.downloadProgress.connect(self._on_received)
        reply.finished.connect(self._on_finished)

    def _on_sent(self, done: int, total: int) -> None:
        self.sent.emit(done, total)

    def _on_received(self, done: int, total: int) -> None:
        self.received.emit(done, total)

    def abort(self) -> None:
        """Aborts the request; neither `done` nor `failed` follows."""
        reply = self._let_go()
        if reply is not None:
            reply.abort()
            reply.deleteLater()
            self.deleteLater()

    def report(self, sentence: str) -> None:
        """Ends the call with `failed` if one of its slots raises an exception."""
        if self._let_go() is not None:
            self._fail(Failure("internal", sentence))

    def _let_go(self) -> QtNetwork.QNetworkReply | None:
        reply = self._reply
        if reply is None:
            return None
        self._reply = None
        for signal in (reply.readyRead, reply.uploadProgress, reply.downloadProgress, reply.finished):
            signal.disconnect()
        return reply

    @guarded
    def _on_ready_read(self) -> None:
        # In pieces, because copying a large result at once would block the GUI thread.
        if self._reply is not None and (size := self._reply.bytesAvailable()) > 0:
            self._pieces.append(self._reply.read(min(size, bundle.PIECE_BYTES)))

    @guarded
    def _on_finished(self) -> None:
        if self._reply is not None and self._reply.bytesAvailable() > 0:
            self._on_ready_read()
            QtCore.QTimer.singleShot(0, self._on_finished)
            return
        reply = self._let_go()
        if reply is None:
            return
        reply.deleteLater()
        failure = _failure(reply, self._pieces)
        if failure is None and reply.url().scheme() == "https":
            self.fingerprint = _fingerprint(reply)
        if failure is None:
            self.done.emit(self._pieces)
            self.deleteLater()
        else:
            self._fail(failure)

    def _fail(self, failure: Failure) -> None:
        self.failed.emit(failure)
        self.deleteLater()


class Events(QtCore.QObject):
    """An event stream. Emits `status` with the JSON of each event, and once `ended`, with a `Failure` or None."""

    status = Signal(object)
    ended = Signal(object)

    def __init__(self, reply: QtNetwork.QNetworkReply, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._reply: QtNetwork.QNetworkReply | None = reply
        self._parser = sse.Parser()
        self._body = b""
        reply.readyRead.connect(self._on_ready_read)
        reply.finished.connect(self._on_finished)

    def abort(self) -> None:
        """Stops listening; `ended` does not follow."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.readyRead.disconnect()
            reply.finished.disconnect()
            reply.abort()
            reply.deleteLater()
            self.deleteLater()

    def report(self, sentence: str) -> None:
        """Ends the stream if one of its slots raises an exception."""
        if self._reply is not None:
            self.abort()
            self.ended.emit(Failure("internal", sentence))

    @guarded
    def _on_ready_read(self) -> None:
        if self._reply is None or not self._reply.isOpen():
            return
        data = self._reply.readAll().data()
        if _status_code(self._reply) != 200:
            self._body = (self._body + data)[:_MAX_ERROR_BYTES]
            return
        for event in self._parser.feed(data):
            if event.name == "status":
                self.status.emit(json.loads(event.data))

    @guarded
    def _on_finished(self) -> None:
        self._on_ready_read()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.deleteLater()
            self.ended.emit(_failure(reply, [self._body]))
            self.deleteLater()


class Client(QtCore.QObject):
    """Sends requests. `address` returns the backend's address; while that is None, every request fails with "gone"."""

    def __init__(self, address: Callable[[], Ready | None], parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._manager = self._new_manager()
        # Qt opens at most six connections to a host; streams must not take those of the short requests.
        self._streams = self._new_manager()

    def get(self, path: str) -> Call:
        """`GET path`."""
        return self._call(self._manager.get(self._request(path)))

    def post_bundle(self, path: str, body: Body, job: str = "") -> Call:
        """`POST path` with a bundle. If it is in shared memory, it must stay open until the call has ended.

        `job` is the job's id, 32 hexadecimal digits, by which the backend accepts a job only once.
        """
        request = self._request(path)
        if job:
            request.setRawHeader(b"Colorize-Job", job.encode())
        kind, ready = bundle.CONTENT_TYPE, self._address()
        if isinstance(body, SharedBody):
            ours = ready is not None and ready.memory_of == os.getpid()
            kind = memory.CONTENT_TYPE if ours else kind
            body = QtCore.QByteArray(body.announcement() if ours else body.read())
        request.setRawHeader(b"Content-Type", kind.encode())
        buffer = QtCore.QBuffer()  # a QByteArray handed over directly would be copied
        buffer.setData(body)
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        reply = self._manager.post(request, buffer)
        assert reply is not None
        buffer.setParent(reply)
        return self._call(reply)

    def post_json(self, path: str, value: object) -> Call:
        """`POST path` with a JSON body."""
        request = self._request(path)
        request.setRawHeader(b"Content-Type", b"application/json")
        return self._call(self._manager.post(request, json.dumps(value).encode()))

    def delete(self, path: str) -> Call:
        """`DELETE path`."""
        return self._call(self._manager.deleteResource(self._request(path)))

    def delete_when_accepted(self, call: Call) -> None:
        """Deletes a job that was cancelled after its last byte was sent, as soon as the answer has its id."""
        call.done.disconnect()
        call.failed.disconnect()
        call.done.connect(self._on_accepted)

    def report(self, sentence: str) -> None:
        """Logs an error in an answer that nothing waits for."""
        LOG.warning("an answer was dropped: %s", sentence)

    @guarded
    def _on_accepted(self, pieces: list[bytes]) -> None:
        self.delete(f"/v1/jobs/{job_status.read(read_json(pieces)).id}")

    def events(self, path: str) -> Events:
        """`GET path` as an event stream."""
        reply = self._streams.get(self._request(path))
        assert reply is not None
        self._pin(reply)
        return Events(reply, self)

    def _new_manager(self) -> QtNetwork.QNetworkAccessManager:
        manager = QtNetwork.QNetworkAccessManager(self)
        # Krita uses the system's proxy, which must not be used for the loopback.
        manager.setProxy(QtNetwork.QNetworkProxy(QtNetwork.QNetworkProxy.ProxyType.NoProxy))
        return manager

    def _call(self, reply: QtNetwork.QNetworkReply | None) -> Call:
        assert reply is not None
        self._pin(reply)
        return Call(reply, self)

    def _pin(self, reply: QtNetwork.QNetworkReply) -> None:
        """Accepts only the certificate whose fingerprint is known. It is self-signed, so that Qt reports an error, and
        aborts unless the error is ignored."""
        address = self._address()
        wanted = address.fingerprint if address else ""
        if wanted:
            reply.sslErrors.connect(
                lambda _: reply.ignoreSslErrors() if _fingerprint(reply).startswith(wanted) else None
            )

    def _request(self, path: str) -> QtNetwork.QNetworkRequest:
        address = self._address()
        # Without an address the request goes to port 9 ("discard"), which refuses at once, so that it fails as "gone".
        host, port, token = (address.host, address.port, address.token) if address else ("127.0.0.1", 9, "")
        secure = address is not None and bool(address.fingerprint)
        place = f"[{host}]" if ":" in host else host
        url = QtCore.QUrl(f"{'https' if secure else 'http'}://{place}:{port}{path}")
        request = QtNetwork.QNetworkRequest(url)
        if secure:
            request.setRawHeader(b"Host", REMOTE_HOST.encode())
        request.setRawHeader(b"Authorization", f"Bearer {token}".encode())
        request.setRawHeader(b"Accept-Encoding", b"identity")
        request.setTransferTimeout(ANSWER_WITHIN_MS)
        attributes = QtNetwork.QNetworkRequest.Attribute
        if IS_QT6:  # by default, Qt 6 follows redirects and uses HTTP/2
            manual = QtNetwork.QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
            request.setAttribute(attributes.RedirectPolicyAttribute, manual.value)
            request.setAttribute(attributes.Http2AllowedAttribute, False)
        return request


def read_json(pieces: list[bytes]) -> dict[str, Any]:
    """The JSON object of an answer. Raises `ValueError` if it isn't one."""
    data = json.loads(b"".join(pieces))
    if not isinstance(data, dict):
        raise ValueError("the answer is not a JSON object")
    return data


def _fingerprint(reply: QtNetwork.QNetworkReply) -> str:
    """SHA-256 of the server's certificate, in hexadecimal."""
    certificate = reply.sslConfiguration().peerCertificate()
    return certificate.digest(QtCore.QCryptographicHash.Algorithm.Sha256).data().hex()


def _status_code(reply: QtNetwork.QNetworkReply) -> int:
    code = reply.attribute(QtNetwork.QNetworkRequest.Attribute.HttpStatusCodeAttribute)
    return code if isinstance(code, int) else 0


def _failure(reply: QtNetwork.QNetworkReply, pieces: list[bytes]) -> Failure | None:
    status = _status_code(reply)
    error = reply.error()  # type: ignore[operator, unused-ignore] # PyQt5 has a signal of that name
    if error == QtNetwork.QNetworkReply.NetworkError.NoError and 200 <= status < 300:
        return None
    if error == QtNetwork.QNetworkReply.NetworkError.SslHandshakeFailedError:
        return Failure("wrong_certificate", WRONG_CERTIFICATE)
    if status < 300:
        return Failure("gone", GONE)
    try:
        body = read_json(pieces)
    except ValueError:
        return Failure("internal", NOT_UNDERSTOOD)
    return Failure(str(body.get("code", "internal")), str(body.get("message", NOT_UNDERSTOOD)))
