"""The fold "Computer": where the colours are computed, told and chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_stage import wait
from fake_port import FakePort

from krita_colorize.app.backend import BackendState
from krita_colorize.app.servers import FILE
from krita_colorize.app.session import Session
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.docker import DockerWidget


@pytest.fixture
def docker(port: FakePort, qtbot: Any, tmp_path: Path) -> Iterator[DockerWidget]:
    """A docker that computes on a paired machine which isn't there."""
    server = {"name": "studio", "host": "127.0.0.1", "port": 9, "fingerprint": "ab" * 32, "token": "secret"}
    (tmp_path / FILE).write_text(json.dumps({"servers": [server], "chosen": "studio"}))
    session = Session(port, home=tmp_path)
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    widget.show()
    find(widget, "servers_section").click()
    yield widget
    session.close()
    session.deleteLater()


def find(docker: DockerWidget, name: str) -> Any:
    found = docker.findChild(QtWidgets.QWidget, name)
    assert found is not None, name
    return found


def choose(docker: DockerWidget, name: str) -> None:
    combo = find(docker, "server_combo")
    combo.setCurrentIndex(combo.findData(name))


def test_paired_machines_are_listed(docker: DockerWidget) -> None:
    combo = find(docker, "server_combo")
    entries = [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count())]
    assert entries == [("This computer", ""), ("studio", "studio")]
    assert combo.currentData() == "studio"


def test_machine_that_isnt_there_is_told(docker: DockerWidget, qtbot: Any) -> None:
    button, status = find(docker, "backend_button"), find(docker, "status_label")
    assert button.text() == "Connect"
    button.click()
    wait(qtbot, lambda: status.text() == "No connection to studio; trying again")
    assert button.text() == "Stop"
    button.click()
    assert docker.session.backend.state is BackendState.STOPPED


def test_this_computer_can_be_chosen_again(docker: DockerWidget, tmp_path: Path) -> None:
    choose(docker, "")
    assert not docker.session.backend.remote
    assert not find(docker, "remove_server_button").isEnabled()
    assert json.loads((tmp_path / FILE).read_text())["chosen"] == ""
    choose(docker, "studio")
    assert docker.session.backend.remote


def test_removed_machine_leaves_the_list(docker: DockerWidget) -> None:
    find(docker, "remove_server_button").click()
    combo = find(docker, "server_combo")
    assert [combo.itemText(i) for i in range(combo.count())] == ["This computer"]


def test_wrong_code_stays_to_be_corrected(docker: DockerWidget, qtbot: Any) -> None:
    find(docker, "server_address_edit").setText("studio")
    code = find(docker, "server_code_edit")
    code.setText("ABCD")
    qtbot.keyClick(code, QtCore.Qt.Key.Key_Return)
    problem = find(docker, "server_problem_label")
    assert problem.isVisible()
    assert "24 letters and digits" in problem.text()
    assert code.text() == "ABCD"


def test_code_is_cleared_once_it_is_used(docker: DockerWidget, qtbot: Any) -> None:
    find(docker, "server_address_edit").setText("127.0.0.1:9")
    find(docker, "server_code_edit").setText("0" * 24)
    find(docker, "pair_button").click()
    assert find(docker, "server_code_edit").text() == ""
    assert find(docker, "pair_button").text() == "Pairing…"
    wait(qtbot, lambda: find(docker, "server_problem_label").isVisible())
    assert "There is no answer from that address" in find(docker, "server_problem_label").text()
    assert find(docker, "pair_button").isEnabled()
