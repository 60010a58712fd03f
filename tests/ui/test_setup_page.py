"""The set-up page and its button: what it says, that it installs, stops, goes back and removes. Stand-in wheels."""

import sys
from pathlib import Path

import pytest
import stand_in_wheels
from docker_stage import PATIENCE_MS

from krita_colorize.app.setup import Setup
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.setup import builds, diagnostics, install, pointer, python
from krita_colorize.setup.install import Progress
from krita_colorize.ui.docker import DockerWidget
from krita_colorize.ui.setup import SetupPage


class Engine:
    """Remembers what set-up did to the backend."""

    def __init__(self):
        self.did = []

    def restart(self):
        self.did.append("restart")

    def stop(self):
        self.did.append("stop")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def setup(engine, home, tmp_path, qtbot, monkeypatch):
    base = Path(sys.base_prefix) / ("python.exe" if sys.platform == "win32" else "bin/python3")
    found = python.ask(base) or python.ask(Path(sys.executable))
    monkeypatch.setattr(python, "find", lambda *_: found)
    monkeypatch.setattr(builds, "look", lambda: builds.Hardware("Linux", "x86_64", (), 24_000))
    setup = Setup(engine, home, bundle=stand_in_wheels.bundle(tmp_path / "bundle"))
    yield setup
    setup.close()


@pytest.fixture
def page(setup, qtbot):
    page = SetupPage(setup)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: setup.machine is not None, timeout=PATIENCE_MS)
    return page


def part(page, name):
    return page.findChild(QtWidgets.QWidget, f"setup_{name}")


def button_says(page, name):
    return part(page, name).text().replace("&", "")  # which letter is underlined is test_keyboard's


def press(qtbot, page, name):
    qtbot.mouseClick(part(page, name), QtCore.Qt.MouseButton.LeftButton)


def installed(home, version):
    (home / "backend" / f"{version}-1").mkdir(parents=True, exist_ok=True)
    return pointer.Installed((sys.executable, "-c", "pass"), version, f"{version}-1", "cpu")


def test_page_says_what_was_found_and_what_it_costs(page):
    assert part(page, "state_label").text() == "The colour engine isn't installed yet."
    assert "Linux x86_64, 23 GB of memory" in part(page, "found_label").text()
    assert part(page, "build_combo").currentData() == "cpu"
    assert "400 MB and needs 2.2 GB" in part(page, "needs_label").text()
    assert part(page, "install_button").isEnabled()
    assert part(page, "log_button").toolTip() == "Nothing has been installed from here yet."


def test_folder_is_installed_by_one_button(page, setup, home, engine, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(install, "needed_mb", lambda _: 1)
    part(page, "folder_edit").setText(str(stand_in_wheels.wheels(tmp_path / "wheels")))
    assert "downloads about 0 MB" in part(page, "needs_label").text()
    press(qtbot, page, "install_button")
    assert setup.busy
    assert not part(page, "install_button").isEnabled()
    assert part(page, "cancel_button").isVisible()
    qtbot.waitUntil(lambda: not setup.busy, timeout=PATIENCE_MS)
    assert part(page, "note_label").text() == "Version 1.0 works and is in use."
    assert button_says(page, "install_button") == "Repair"
    assert engine.did == ["restart"]
    assert pointer.read(home).current.complete
    assert part(page, "log_button").isEnabled()


def test_trouble_is_shown_and_nothing_claims_to_work(page, setup, home, engine, tmp_path, qtbot):
    part(page, "folder_edit").setText(str(tmp_path / "nowhere"))
    press(qtbot, page, "install_button")
    qtbot.waitUntil(lambda: not setup.busy, timeout=PATIENCE_MS)
    assert part(page, "problem_label").text() == f"The folder {tmp_path / 'nowhere'} doesn't exist."
    assert part(page, "state_label").text() == "The colour engine isn't installed yet."
    assert engine.did == []


def test_cancel_leaves_what_can_be_taken_up(page, setup, home, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(install, "needed_mb", lambda _: 1)
    part(page, "folder_edit").setText(str(stand_in_wheels.wheels(tmp_path / "wheels")))
    press(qtbot, page, "install_button")
    press(qtbot, page, "cancel_button")
    qtbot.waitUntil(lambda: not setup.busy, timeout=PATIENCE_MS)
    assert part(page, "note_label").text().startswith("Stopped. The downloaded files are kept")
    assert button_says(page, "install_button") == "Install"
    assert part(page, "install_button").isEnabled()


def test_progress_is_shown_in_words_and_as_a_bar(page, setup):
    setup.progress = Progress("Downloading torch: 1.0 of 2.0 MB", 0.5)
    setup.changed.emit()
    assert part(page, "progress_label").text() == "Downloading torch: 1.0 of 2.0 MB"
    assert part(page, "progress_bar").value() == 500
    setup.progress = None


def test_update_is_offered_and_goes_back(page, setup, home, engine, qtbot):
    pointer.write(home, pointer.Pointer(installed(home, "0.9"), installed(home, "0.8")))
    setup.changed.emit()
    assert part(page, "state_label").text() == "Version 0.9 is installed; this docker brings 1.0."
    assert button_says(page, "install_button") == "Update"
    assert button_says(page, "back_button") == "Go back to 0.8"
    press(qtbot, page, "back_button")
    assert pointer.read(home).current.version == "0.8"
    assert engine.did == ["restart"]


def test_removing_asks_and_keeps_models(page, setup, home, engine, qtbot, monkeypatch):
    pointer.write(home, pointer.Pointer(installed(home, "1.0")))
    (home / "models").mkdir()
    setup.changed.emit()
    yes = QtWidgets.QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QtWidgets.QMessageBox, "question", lambda *_: yes)
    press(qtbot, page, "remove_button")
    qtbot.waitUntil(lambda: not setup.busy, timeout=PATIENCE_MS)
    assert engine.did == ["stop"]
    assert [path.name for path in home.iterdir()] == ["models"]
    assert "Models and results are still here" in part(page, "note_label").text()


def test_window_that_is_closed_stops_what_runs(engine, home, qtbot):
    setup = Setup(engine, home)
    stop = setup._stop
    setup.deleteLater()
    qtbot.waitUntil(stop.is_set, timeout=PATIENCE_MS)


def test_half_an_installation_is_told(page, setup, home):
    (home / "backend" / "1.0-1").mkdir(parents=True)
    setup.changed.emit()
    assert "was interrupted. Nothing is lost" in part(page, "state_label").text()
    broken = pointer.Installed((str(home / "gone"),), "1.0", "1.0-1")
    pointer.write(home, pointer.Pointer(broken))
    setup.changed.emit()
    assert "is broken: a part of it is missing" in part(page, "state_label").text()


def test_unfit_computer_is_told(setup, qtbot, monkeypatch):
    monkeypatch.setattr(builds, "look", lambda: builds.Hardware("Darwin", "x86_64"))
    page = SetupPage(setup)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: setup.machine is not None, timeout=PATIENCE_MS)
    assert "Apple silicon" in part(page, "problem_label").text()
    assert not part(page, "install_button").isEnabled()


def test_diagnostics_tell_how_things_stand_and_nothing_private(setup, home, tmp_path, qtbot):
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "docker.log").write_text(f"token: {'a1' * 32} in {Path.home()}/x, https://me:pw@host/")
    setup.save_diagnostics(tmp_path / "d.txt", {"Krita": "5.1.5"})
    qtbot.waitUntil(lambda: bool(setup.note), timeout=PATIENCE_MS)
    text = (tmp_path / "d.txt").read_text("utf-8")
    assert "Krita: 5.1.5" in text
    assert "~/x, https://…@host/" in text
    assert "a1a1" not in text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ('{"token": "abcdef"}', '{"token": "…"}'),
        ("password=hunter2 rest", "password=… rest"),
        ("sha " + "0f" * 20, "sha …"),
    ],
)
def test_secrets_are_redacted(text, redacted):
    assert diagnostics.redact(text) == redacted


def test_docker_offers_set_up_first(port, tmp_path, qtbot):
    from krita_colorize.app.session import Session

    session = Session(port, home=tmp_path / "nothing")
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    docker.show()
    assert (
        docker.findChild(QtWidgets.QLabel, "status_label").text() == "The colour engine isn't installed yet."
    )
    assert not docker.findChild(QtWidgets.QWidget, "backend_button").isVisible()
    button = docker.findChild(QtWidgets.QWidget, "setup_button")
    assert button.text() == "Set up…"
    qtbot.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)
    page = docker.findChild(SetupPage)
    assert page.isVisible()
    page._setup.close()
    session.close()
