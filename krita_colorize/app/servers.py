"""Chooses the backend: the process on this computer, or a paired machine.

Widgets, jobs and catalogue use the chosen backend through one interface. The list of machines is in `servers.json` in
the home folder; the file contains the tokens and is readable only for this user.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

from krita_colorize.app import backend as processes
from krita_colorize.app import client as http
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Client, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.link import Link
from krita_colorize.app.shared import Shared
from krita_colorize.core import handshake, servers
from krita_colorize.core.errors import UserError
from krita_colorize.core.servers import Kept, Server
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

FILE = "servers.json"
STARTING = "Starting the colour engine…"


class Servers(QtCore.QObject):
    """The chosen backend, with the interface of `backend.Backend`, and the list of paired machines."""

    changed = Signal()  # state or message of the chosen backend, or the choice
    listed = Signal()  # the list of machines, or the state of pairing

    def __init__(self, home: Path, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.home = home
        self.problem = ""
        self.pairing = False
        self.local = processes.acquire(home)
        self._link: Link | None = None
        self._kept = self._read()
        self._pairing_client: Client | None = None
        self.local.changed.connect(self._on_local_changed)
        self._connect()

    # the chosen backend

    @property
    def state(self) -> BackendState:
        """The state of the chosen backend."""
        return self._chosen.state

    @property
    def message(self) -> str:
        """The error of the chosen backend, "" without one."""
        return self._chosen.message

    @property
    def address(self) -> handshake.Ready | None:
        """The address of the chosen backend; None while it isn't ready."""
        return self._chosen.address

    @property
    def starting(self) -> str:
        """The status while the chosen backend isn't ready."""
        return self._link.starting if self._link is not None else tr(STARTING)

    @property
    def remote(self) -> bool:
        """Whether the chosen backend is another machine, where jobs continue if the connection is lost."""
        return self._link is not None

    def need(self) -> None:
        """Starts the process, or connects to the machine, unless that is done."""
        self._chosen.need()

    def restart(self) -> None:
        """Restarts the process, or reconnects to the machine."""
        self._chosen.restart()

    def stop(self) -> None:
        """Stops the process, or disconnects from the machine."""
        self._chosen.stop()

    def lost(self) -> None:
        """Reconnects to the chosen machine after a request without an answer."""
        if self._link is not None:
            self._link.lost()

    def report(self, sentence: str) -> None:
        """Shows an error of the list or of pairing."""
        self.problem, self.pairing = sentence, False
        self.listed.emit()

    def close(self) -> None:
        """Disconnects and releases the process; called when Krita quits."""
        self.local.changed.disconnect(self._on_local_changed)
        if self._link is not None:
            self._link.changed.disconnect(self._on_link_changed)
            self._link.stop()
        processes.release(self.local)

    # the list

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the paired machines."""
        return tuple(server.name for server in self._kept.servers)

    @property
    def chosen(self) -> str:
        """The chosen machine's name, "" for this computer."""
        return self._kept.chosen if self._link is not None else ""

    @guarded
    def choose(self, name: str) -> None:
        """Chooses a machine by its name, or this computer by ""; running jobs elsewhere end."""
        self.problem = ""
        if name != self.chosen:
            self._keep(replace(self._kept, chosen=name))
            self._connect()
            self.changed.emit()
        self.listed.emit()

    @guarded
    def remove(self, name: str) -> None:
        """Removes a machine and its token from the list."""
        if name == self.chosen:
            self.choose("")
        self._keep(replace(self._kept, servers=tuple(s for s in self._kept.servers if s.name != name)))
        self.listed.emit()

    @guarded
    def pair(self, address: str, code: str) -> None:
        """Requests a token from a machine with the pairing code that it shows, and chooses that machine."""
        host, port = servers.read_address(address)
        parts = servers.read_code(code)
        self.problem, self.pairing = "", True
        # The secret part of the code is sent only if the certificate's fingerprint begins with the other part.
        there = handshake.Ready(host, port, "", "", fingerprint=parts.fingerprint)
        client = self._pairing_client = Client(lambda: there, self)
        wish = {"secret": parts.secret, "name": socket.gethostname()[:60] or "Krita"}
        call = client.post_json("/v1/pair", wish)
        call.done.connect(lambda pieces: self._on_paired(host, port, call.fingerprint, pieces))
        call.failed.connect(self._on_not_paired)
        self.listed.emit()

    @guarded
    def _on_paired(self, host: str, port: int, fingerprint: str, pieces: list[bytes]) -> None:
        answer = http.read_json(pieces)
        handshake.check_api(answer.get("api"))
        others = tuple(s for s in self._kept.servers if (s.host, s.port) != (host, port))
        name = host if port == servers.PORT else f"{host}:{port}"
        self._keep(replace(self._kept, servers=(*others, _server(name, host, port, fingerprint, answer))))
        self.pairing = False
        self._link_down()
        self.choose(name)

    @guarded
    def _on_not_paired(self, failure: Failure) -> None:
        if failure.code == "gone":
            raise UserError(
                tr(
                    "There is no answer from that address. Check the address, and that `colorize serve --listen` is"
                    " running there."
                )
            )
        if failure.code == "wrong_certificate":
            raise UserError(
                tr("The machine there isn't the one that showed this code. Check the address and the code.")
            )
        raise UserError(failure.message)

    # behind them

    @property
    def _chosen(self) -> processes.Backend | Link:
        return self._link or self.local

    def _connect(self) -> None:
        """Connects to the chosen backend and disconnects from the previous one."""
        self._link_down()
        server = self._kept.server
        if server is not None:
            self.local.stop()
            self._link = Link(server, self)
            self._link.changed.connect(self._on_link_changed)

    def _link_down(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.changed.disconnect(self._on_link_changed)
            link.stop()
            link.deleteLater()

    def _read(self) -> Kept:
        file = self.home / FILE
        try:
            return servers.read_kept(file.read_text("utf-8")) if file.is_file() else Kept()
        except (OSError, UserError):
            self.problem = servers.BROKEN_FILE
            return Kept()

    def _keep(self, kept: Kept) -> None:
        new = self.home / (FILE + ".new")
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            with os.fdopen(
                os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
            ) as file:
                file.write(servers.write_kept(kept))
            os.replace(new, self.home / FILE)
        except OSError as error:
            raise UserError(
                tr(
                    "The list of paired machines can't be saved: {reason}. Free some disk space or check the folder's"
                    " permissions.",
                    reason=error.strerror,
                )
            ) from error
        self._kept = kept

    @guarded
    def _on_local_changed(self) -> None:
        if self._link is None:
            self.changed.emit()

    @guarded
    def _on_link_changed(self) -> None:
        self.changed.emit()


def _server(name: str, host: str, port: int, fingerprint: str, answer: dict[str, object]) -> Server:
    return Server(name, host, port, fingerprint, str(answer["token"]))


_shared = Shared(Servers)
acquire, release = _shared.acquire, _shared.release
"""The `Servers` of a home folder, shared by all windows of this Krita."""
