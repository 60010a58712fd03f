"""The list of this computer and the paired machines, and the controls for pairing another one."""

from __future__ import annotations

from krita_colorize.app.guard import guarded
from krita_colorize.app.servers import Servers
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.widgets import Choice, push_button, row, words_label


class ServersPanel(QtWidgets.QWidget):
    """Shows and changes `app.servers`; has no state of its own."""

    def __init__(self, servers: Servers, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = servers.report
        self._servers = servers
        self._combo = Choice(
            "server_combo",
            tr("Computed on"),
            tr("Where the colours are computed. Pictures are sent only to the machine chosen here."),
        )
        self._combo.chosen.connect(self._on_chosen)
        self._remove = push_button("remove_server_button", tr("Remove"), self._on_remove)
        self._remove.setToolTip(tr("Forget this machine. To use it again it has to be paired again."))
        self._address = self._edit("server_address_edit", tr("Address of another machine"), "studio:7860")
        self._code = self._edit("server_code_edit", tr("Pairing code"), "XXXX-XXXX-XXXX-XXXX-XXXX-XXXX")
        self._pair = push_button("pair_button", tr("Pair"), self._on_pair)
        self._pair.setToolTip(
            tr(
                "The other machine shows the code when `colorize serve --listen` starts; `colorize devices pair`"
                " makes a new one."
            )
        )
        self._problem = words_label("server_problem_label")
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row(self._combo, self._remove))
        layout.addLayout(row(self._address, self._pair))
        layout.addWidget(self._code)
        layout.addWidget(self._problem)
        servers.listed.connect(self.refresh)
        servers.changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the list and the state of pairing."""
        servers = self._servers
        entries = [(tr("This computer"), ""), *((name, name) for name in servers.names)]
        self._combo.show_choice(entries, servers.chosen)
        self._remove.setEnabled(bool(servers.chosen))
        self._pair.setEnabled(not servers.pairing)
        self._pair.setText(tr("Pairing…") if servers.pairing else tr("Pair"))
        self._problem.setText(tr(servers.problem))
        self._problem.setVisible(bool(servers.problem))

    def _edit(self, name: str, title: str, example: str) -> QtWidgets.QLineEdit:
        edit = QtWidgets.QLineEdit()
        edit.setObjectName(name)
        edit.setAccessibleName(title)
        edit.setToolTip(title)
        edit.setPlaceholderText(example)
        edit.returnPressed.connect(self._on_pair)
        return edit

    @guarded
    def _on_chosen(self, name: str) -> None:
        self._servers.choose(name)

    @guarded
    def _on_remove(self) -> None:
        self._servers.remove(self._servers.chosen)

    @guarded
    def _on_pair(self) -> None:
        self._servers.pair(self._address.text(), self._code.text())
        if self._servers.pairing:
            self._code.clear()
