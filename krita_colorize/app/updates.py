"""Checks for a later version, only when the artist clicks, and without sending personal data.

It reads the newest release from PyPI and only shows the answer; the artist installs the update.
"""

from __future__ import annotations

import json
import os

from krita_colorize.app.guard import guarded
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.core.version import VERSION, is_later
from krita_colorize.qt import IS_QT6, QtCore, QtNetwork, Signal

RELEASES = "https://pypi.org/pypi/krita-colorize/json"
ANSWER_WITHIN_MS = 20_000
_LONGEST_ANSWER = 1 << 24


class Updates(QtCore.QObject):
    """One request at a time. `changed` follows every change of `words`, the sentence to show."""

    changed = Signal()

    def __init__(self, parent: QtCore.QObject | None = None, *, releases: str = RELEASES) -> None:
        super().__init__(parent)
        self.words = ""
        self.asking = False
        self._releases = releases
        self._reply: QtNetwork.QNetworkReply | None = None
        self._manager: QtNetwork.QNetworkAccessManager | None = None

    def report(self, sentence: str) -> None:
        """Shows the outcome."""
        self.words, self.asking = sentence, False
        self.changed.emit()

    @guarded
    def ask(self) -> None:
        """Requests the newest version, for the artist's button."""
        if self.asking:
            return
        if os.environ.get("COLORIZE_OFFLINE") == "1":
            raise UserError(tr("COLORIZE_OFFLINE=1 forbids asking for updates. Unset it and try again."))
        if self._manager is None:
            self._manager = QtNetwork.QNetworkAccessManager(self)
        request = QtNetwork.QNetworkRequest(QtCore.QUrl(self._releases))
        request.setTransferTimeout(ANSWER_WITHIN_MS)
        # By default Qt sends the language and the system.
        request.setRawHeader(b"User-Agent", b"krita-colorize")
        request.setRawHeader(b"Accept-Language", b"en")
        if IS_QT6:  # by default, Qt 6 follows redirects
            attributes = QtNetwork.QNetworkRequest.Attribute
            manual = QtNetwork.QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
            request.setAttribute(attributes.RedirectPolicyAttribute, manual.value)
        self.words, self.asking = tr("Asking…"), True
        self._reply = self._manager.get(request)
        assert self._reply is not None
        self._reply.finished.connect(self._on_finished)
        self.changed.emit()

    @guarded
    def _on_finished(self) -> None:
        reply, self._reply = self._reply, None
        assert reply is not None
        reply.deleteLater()
        code = reply.attribute(QtNetwork.QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if code == 404:
            raise UserError(tr("pypi.org has no release yet."))
        body = reply.read(_LONGEST_ANSWER)
        if code != 200 or body is None:
            raise UserError(
                tr("Nobody could be asked for updates. Check the network connection and try again.")
            )
        try:
            latest = str(json.loads(body)["info"]["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                tr("Nobody could be asked for updates. Check the network connection and try again.")
            ) from error
        if is_later(latest):
            words = tr(
                "Version {latest} is available; this is {ours}. Download its zip and import it in Krita as you"
                " did with this one.",
                latest=latest,
                ours=VERSION,
            )
        else:
            words = tr("This is the latest version ({ours}).", ours=VERSION)
        self.report(words)
