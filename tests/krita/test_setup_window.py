"""From the zip to a coloured sketch without a terminal: Krita's own importer, a restart, the set-up page, by clicks.

Real: Krita, its importer, the packed zip, the backend's wheel in it, Python, pip, the environment. The third-party
wheels are stand-ins without contents; the one for torch leads the new environment to the libraries that are installed
already, because unpacking 1.4 GB would take minutes. `benchmarks/setup.py` does it with the real ones.
"""

import sys
import sysconfig
import time
from importlib import metadata
from pathlib import Path

import psutil
import pytest
import stand_in_wheels
import tomllib
from colorizer_lab import release
from colorizer_lab.krita import pointer, session

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder as `pip download` fills it."""
    folder = tmp_path_factory.mktemp("wheels")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["diffusion"]]:
        name = requirement.partition(">")[0].replace("-", "_")
        libraries = (
            {"libraries.pth": f"{sysconfig.get_path('purelib')}\n".encode()} if name == "torch" else {}
        )
        made = stand_in_wheels.wheel(folder, name, metadata.version(name), libraries)
        if name == "torch":  # for the Python that the libraries are for, and no other
            tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            made.rename(folder / made.name.replace("py3-none-any", f"{tag}-{tag}-{platform}"))
    return folder


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return release.package(tmp_path_factory.mktemp("zip") / "krita_colorize.zip")


def bar_entry(title):
    bar = krita.Krita.instance().activeWindow().qwindow().menuBar()
    action = next(a for a in bar.actions() if a.text().replace("&", "") == title)
    centre = bar.mapToGlobal(bar.actionGeometry(action).center())
    return [centre.x(), centre.y()]


def menu_entry(title):
    """An entry of the menu that is open, None until there is one that has it."""
    menu = krita.QApplication.instance().activePopupWidget()
    action = next((a for a in menu.actions() if a.text().replace("&", "") == title), None) if menu else None
    if action is None:
        return None
    centre = menu.mapToGlobal(menu.actionGeometry(action).center())
    return [centre.x(), centre.y()]


def dialog_takes_text(kind):
    dialog = krita.QApplication.instance().activeModalWidget()
    field = krita.QApplication.instance().focusWidget()
    return (
        dialog is not None and kind in type(dialog).__name__ and hasattr(field, "text") and field.hasFocus()
    )


def has_typed(text):
    dialog = krita.QApplication.instance().activeModalWidget()
    return any(edit.text() == text for edit in dialog.findChildren(krita.QLineEdit))


def dialog_button(title):
    dialog = krita.QApplication.instance().activeModalWidget()
    buttons = dialog.findChildren(krita.QPushButton) if dialog else []
    button = next((b for b in buttons if b.text().replace("&", "") == title and b.isVisible()), None)
    if button is None:
        return None
    centre = button.mapToGlobal(button.rect().center())
    return [centre.x(), centre.y()]


def is_free():
    """Whether Krita's window has the keyboard again."""
    application = krita.QApplication.instance()
    main = krita.Krita.instance().activeWindow().qwindow()
    return application.activeModalWidget() is None and application.activeWindow() is main


def press(krita, function, **arguments):
    point = krita.wait_until(function, timeout_s=60, **arguments)
    pointer.press(krita, point)
    pointer.release(krita)


def quit_krita(krita):
    krita.xdotool("key", "ctrl+q")
    krita.process.wait(timeout=60)


def prepare():
    yield from close_all()
    window.qwindow().showMaximized()
    yield from ticks(30)


def page_text(name):
    found = [
        w for w in krita.QApplication.instance().allWidgets() if w.objectName() == name and w.isVisible()
    ]
    return found[0].text() if found else ""


def page_part(name):
    found = [
        w for w in krita.QApplication.instance().allWidgets() if w.objectName() == name and w.isVisible()
    ]
    if not found or not found[0].isEnabled():
        return None
    centre = found[0].mapToGlobal(found[0].rect().center())
    return [centre.x(), centre.y()]


def page_ended():
    """What the page says when nothing runs any more."""
    return page_text("setup_problem_label") or page_text("setup_note_label")


def close_page():
    page = next(w for w in krita.QApplication.instance().allWidgets() if w.objectName() == "setup_page")
    page.close()


def open_it():
    yield from open_drawing()
    yield from ticks(30)
    return {node.name(): id_of(node) for node, _ in wrappers.walk(document().rootNode())}


def has_result():
    now = docker_state()
    return now["error"] or now["results"] > 0


def engines_in_use(krita):
    """The programs that this Krita has started."""
    return [child.cmdline()[0] for child in psutil.Process(krita.process.pid).children(recursive=True)]


def from_zip_to_colours(display, home, package, wheels, patience_s=300):
    """All of it by clicks, as an artist does; the seconds that the page took. `benchmarks/setup.py` runs it, too."""
    with session.bare(display, home) as krita:
        press(krita, bar_entry, title="Tools")
        press(krita, menu_entry, title="Scripts")
        press(krita, menu_entry, title="Import Python Plugin from File...")
        krita.wait_until(dialog_takes_text, kind="FileDialog")
        krita.xdotool("type", "--delay", 5, str(package))
        krita.wait_until(has_typed, text=str(package))
        krita.xdotool("key", "Return")
        press(krita, dialog_button, title="Yes")
        krita.wait_until(is_free)
        quit_krita(krita)
    with session.bare(display, home) as krita:
        krita.call(f"import sys\nsys.path[:0] = {[str(ROOT / 'tests'), str(ROOT / 'tests/krita')]}")
        krita.call("import inside_docker\nglobals().update(vars(inside_docker))")
        krita.define(page_text)
        krita.call(prepare)
        ids = krita.call(open_it)  # without a document newer Kritas show no docker
        press(krita, page_part, name="setup_button")
        press(krita, page_part, name="setup_folder_edit")
        krita.xdotool("type", "--delay", 5, str(wheels))
        press(krita, page_part, name="setup_install_button")
        start = time.perf_counter()
        assert krita.wait_until(page_ended, timeout_s=patience_s).endswith("works and is in use.")
        seconds = time.perf_counter() - start
        krita.screenshot(home / "installed.png")
        krita.call(close_page)
        pointer.choose(krita, "sketch_combo", ids["Ink"])
        pointer.choose_action(krita, "add_reference_button", "Reference")
        pointer.click(krita, "colorize_button")
        assert krita.wait_until(has_result, timeout_s=120) is True
        assert all(name.startswith(str(home / "colorize" / "backend")) for name in engines_in_use(krita))
        assert engines_in_use(krita)
        krita.screenshot(home / "coloured.png")
        return seconds


def test_zip_becomes_a_coloured_sketch_by_clicks(display, tmp_path, package, wheels):
    from_zip_to_colours(display, tmp_path, package, wheels)
