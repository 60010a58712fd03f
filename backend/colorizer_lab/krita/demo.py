"""The demo: colours sample art in real Krita through the docker, with real mouse clicks.

Writes `demo.kra`, `demo.png` (flattened) and `docker.png` (Krita's window with the docker) to a folder. Krita runs with
a temporary profile, on the user's display if there is one and on a virtual screen otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colorizer import paths
from colorizer.errors import ColorizerError
from colorizer.krita_host import install

from colorizer_lab.krita import pointer, screen, session

Progress = Callable[[str, float, float], None]
"""Takes a stage's name, done and total."""

JOB_LIMIT_S = 300


class DemoFailed(ColorizerError):
    """The docker showed an error, or the job took too long."""

    code = "demo_failed"


def demo(out: Path, progress: Progress) -> None:
    """Colours the sample sketch. Raises a `ColorizerError` if Krita or a screen is missing or the job fails."""
    install.require_krita()
    out.mkdir(parents=True, exist_ok=True)
    progress("Starting Krita", 0, 1)
    with _display() as display, session.windowed(display) as krita:
        krita.call(_open_sample, timeout_s=60, folder=str(paths.resource("sample").resolve()))
        _set_up(krita)
        _colour(krita, progress)
        progress("Applying", 0, 1)
        pointer.click(krita, "apply_button")
        krita.wait_until(_is_applied, timeout_s=60)
        progress("Saving", 0, 1)
        krita.call(_save, kra=str((out / "demo.kra").resolve()), png=str((out / "demo.png").resolve()))
        # Krita's list of layers and its canvas are updated some time after the document.
        krita.wait_until(_is_listed, timeout_s=60)
        krita.call(_rest, turns=40)
        krita.screenshot(out / "docker.png")
        progress("Saving", 1, 1)


@contextmanager
def _display() -> Iterator[str]:
    """The user's display, or a virtual screen."""
    if install.has_display() and os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
    else:
        with screen.virtual_screen() as name:
            yield name


def _set_up(krita: session.Session) -> None:
    """Chooses sketch, reference and mode with the mouse, as an artist would."""
    layers = krita.wait_until(_layer_ids, timeout_s=20)
    pointer.choose(krita, "sketch_combo", layers["Lines"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    pointer.choose(krita, "mode_combo", "split")


def _colour(krita: session.Session, progress: Progress) -> None:
    """Presses Colorize and reports the progress until the result is applied."""
    pointer.click(krita, "colorize_button")
    for _ in range(JOB_LIMIT_S * 10):
        state = krita.call(_job_state)
        if state["error"]:
            raise DemoFailed(state["error"])
        if state["results"]:
            return
        progress(state["status"], state["done"], state["total"])
        krita.call(_rest)
    raise DemoFailed(
        f"The colouring took more than {JOB_LIMIT_S // 60} minutes. Run `colorize doctor` to find out why."
    )


def _rest(turns: int = 7) -> Any:
    """Runs inside Krita: returns to its event loop for some ticks of about 15 ms."""
    for _ in range(turns):
        yield


def _open_sample(folder: str) -> Any:
    """Runs inside Krita: opens the sketch over white paper, hides the reference and enlarges the docker."""
    application = krita.Krita.instance()  # type: ignore[name-defined] # noqa: F821
    window = application.activeWindow()
    window.qwindow().showMaximized()
    document = application.openDocument(folder + "/sketch.png")
    lines = document.topLevelNodes()[0]
    lines.setName("Lines")
    picture = application.openDocument(folder + "/reference.png")
    size = [0, 0, document.width(), document.height()]
    pixels = {"Reference": picture.topLevelNodes()[0].pixelData(*size)}
    pixels["Paper"] = b"\xff" * (size[2] * size[3] * 4)
    picture.close()
    for name in ("Reference", "Paper"):
        node = document.createNode(name, "paintlayer")
        node.setPixelData(pixels[name], *size)
        node.setVisible(name == "Paper")
        document.rootNode().addChildNode(node, None)
    # The opened picture is the lowest layer; a copy above the paper replaces it.
    document.rootNode().addChildNode(lines.duplicate(), None)
    lines.remove()
    document.refreshProjection()
    window.addView(document)
    for _ in range(40):
        yield
    for docker in application.dockers():
        if docker.objectName() in ("ColorSelectorNg", "PresetDocker", "sharedtooldocker"):
            docker.hide()
    main, all_dockers = window.qwindow(), {d.objectName(): d for d in application.dockers()}
    edge = krita.Qt.Orientation  # type: ignore[name-defined] # noqa: F821
    main.resizeDocks([all_dockers["KisLayerBox"], all_dockers["colorize_docker"]], [300, 660], edge.Vertical)
    main.resizeDocks([all_dockers["colorize_docker"]], [320], edge.Horizontal)
    for _ in range(40):
        yield


def _layer_ids() -> Any:
    """Runs inside Krita: the ids of the document's layers by name, or None until the docker lists them."""
    document = krita.Krita.instance().activeDocument()  # type: ignore[name-defined] # noqa: F821
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    combo = window.findChild(krita.QComboBox, "sketch_combo")  # type: ignore[name-defined] # noqa: F821
    if document is None or combo is None:
        return None
    ids = {node.name(): node.uniqueId().toString() for node in document.topLevelNodes()}
    return ids if all(combo.findData(layer) >= 0 for layer in ids.values()) else None


def _job_state() -> Any:
    """Runs inside Krita: the docker's status, error and progress."""
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    names = ("status_label", "error_label", "progress_bar", "results_list")
    status, error, bar, results = (window.findChild(krita.QWidget, name) for name in names)  # type: ignore[name-defined] # noqa: F821
    return {
        "status": status.text(),
        "error": error.text() if error.isVisible() else "",
        "done": bar.value(),
        "total": bar.maximum(),
        "results": results.count(),
    }


def _is_applied() -> Any:
    """Runs inside Krita: whether the result group is in the document."""
    document = krita.Krita.instance().activeDocument()  # type: ignore[name-defined] # noqa: F821
    return any(node.name().startswith("Colorized") for node in document.topLevelNodes())


def _is_listed() -> Any:
    """Runs inside Krita: whether the list of layers shows the result group."""
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    layers = window.findChild(krita.QDockWidget, "KisLayerBox")  # type: ignore[name-defined] # noqa: F821
    for view in layers.findChildren(krita.QTreeView):  # type: ignore[name-defined] # noqa: F821
        model = view.model()
        rows = range(model.rowCount()) if model else ()
        if any(str(model.index(row, 0).data()).startswith("Colorized") for row in rows):
            return True
    return False


def _save(kra: str, png: str) -> Any:
    """Runs inside Krita: saves the document and its flattened picture."""
    application = krita.Krita.instance()  # type: ignore[name-defined] # noqa: F821
    document = application.activeDocument()
    document.setBatchmode(True)
    document.refreshProjection()
    document.waitForDone()
    if not document.exportImage(png, krita.InfoObject()):  # type: ignore[name-defined] # noqa: F821
        raise OSError(f"could not write {png}")
    if not document.saveAs(kra):
        raise OSError(f"could not write {kra}")
