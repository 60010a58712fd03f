"""What users of such plugins report, in Krita's window: detached canvases, recent files, layers that filter or fill."""

import sys
from pathlib import Path

import pytest
from colorizer_lab.krita import session
from test_daily_window import apply, colour, make_hints
from window_steps import DOCKER, open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

INSIDE = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]), str(Path(__file__).parent)]


@pytest.fixture
def coloured(emptied):
    emptied.call(open_it)
    assert emptied.call(colour, timeout_s=150) == ""
    return emptied


def close_the_detached():
    """Detaches the canvases, closes the picture in front, then the other; what the docker has in between and says."""
    first = document()
    second, _ = new_document()
    yield from show(second)
    detach = Krita.instance().action("view_detached_canvas")
    detach.trigger()
    yield from ticks(60)
    detached = detach.isChecked()
    second.setModified(False)
    second.close()
    yield from ticks(60)
    now = Krita.instance().activeDocument()
    there = now in Krita.instance().documents() if now is not None else None
    known = [session().document is not None, session().error]
    first.setModified(False)
    first.close()
    yield from ticks(60)
    detach.trigger()
    yield from ticks(40)
    return [detached, there, known, session().document is None, session().error]


def test_a_detached_canvas_whose_picture_is_closed(coloured):
    detached, _, (_, said), gone, error = coloured.call(close_the_detached, timeout_s=90)
    assert detached
    assert (said, error) == ("", "")
    assert gone
    coloured.call(open_it)
    assert coloured.call(colour, timeout_s=150) == ""


def save_and_close(path):
    document().setBatchmode(True)
    assert document().saveAs(path)
    document().waitForDone()
    yield from close_all()


def open_again(path):
    """Closes everything and opens a file once more from the menu of recent files."""
    yield from close_all()
    assert session().document is None
    from krita_colorize.qt import QtCore

    recent = Krita.instance().action("file_open_recent").menu().actions()
    name = path.rpartition("/")[2]
    entry = [action for action in recent if name in action.text()][0]
    QtCore.QTimer.singleShot(0, entry.trigger)


def has_docker():
    frame = next((d for d in Krita.instance().dockers() if d.objectName() == "colorize_docker"), None)
    return frame is not None and frame.widget() is not None


def opened():
    """What the docker has of a document that comes up."""
    yield from until(lambda: session().document is not None and session().document.sketch is not None, 60)
    yield from ticks(40)
    model = session().document
    return {
        "sketch": model.sketch.name if model.sketch else "",
        "references": [item.source.name for item in model.settings.references],
        "modified": document().modified(),
        "error": session().error,
    }


def test_a_document_of_ours_on_the_command_line_and_once_more(coloured, display, tmp_path):
    path = tmp_path / "our page.kra"
    coloured.call(save_and_close, path=str(path), timeout_s=90)
    backend = [sys.executable, "-m", "colorizer", "serve"]
    (temporary := tmp_path / "temporary").mkdir()  # files in there aren't remembered as recent
    variables = {"TMPDIR": str(temporary)}
    with session.windowed(display, backend=backend, files=[path], variables=variables) as krita:
        krita.call(f"import sys\nsys.path[:0] = {INSIDE}\n{DOCKER}")
        krita.wait_until(has_docker)
        found = [krita.call(opened, timeout_s=120)]
        krita.call(open_again, path=str(path), timeout_s=60)
        found.append(krita.call(opened, timeout_s=120))
    assert found == [{"sketch": "Ink", "references": ["Reference"], "modified": False, "error": ""}] * 2


def put_on_top(active):
    """A fill layer on top, a filter mask on the sketch; selects one of them."""
    from krita import InfoObject

    filling = Krita.instance().filter("invert")
    chosen = Selection()
    chosen.select(0, 0, 40, 40, 255)
    fill = document().createFillLayer("Veil", "color", InfoObject(), chosen)
    document().rootNode().addChildNode(fill, None)
    yield from ticks(20)
    mask = document().createFilterMask("Filter", filling, Selection())
    find(document(), "Ink").addChildNode(mask, None)
    yield from ticks(20)
    document().setActiveNode(find(document(), active))
    yield from ticks(40)
    return [session().document.sketch.name, document().activeNode().name()]


def repair():
    """A hint and Redo, then a palette edit: what the docker says after each."""
    item, told = session().document.results[0], []
    fill(find(document(), "Colour hints"), (250, 0, 200, 255), 200, 26, 12, 12)
    document().refreshProjection()
    changes = item.changes
    session().redo()
    yield from until(lambda: item.changes > changes or bool(session().error), 120)
    yield from ticks(40)
    told.append(session().error)
    changes = item.changes
    session().palettes.edit(session().document, {"#be3c32": "#103060"})
    yield from until(lambda: item.changes > changes or bool(session().error), 120)
    yield from ticks(40)
    told.append(session().error)
    flats = next(n for n, _ in wrappers.walk(group()) if n.name() == "Flats")
    return [told, list(flats.pixelData(206, 32, 1, 1).data()), list(flats.pixelData(120, 80, 1, 1).data())]


def eight_bits(channels):
    """A pixel's channels. Where Krita knows few profiles that mean the same, a second change makes 16 bits of 8."""
    return channels if len(channels) == 4 else channels[1::2]


@pytest.mark.parametrize("active", ["Veil", "Filter"])
def test_layers_that_fill_or_filter_are_in_nobodys_way(coloured, active):
    coloured.call(make_hints, timeout_s=90)
    assert coloured.call(put_on_top, active=active, timeout_s=60) == ["Ink", active]
    assert coloured.call(apply, timeout_s=90)[0] == ""
    told, sun, roof = coloured.call(repair, timeout_s=300)
    assert told == ["", ""]
    assert eight_bits(sun) == [250, 0, 200, 255]
    assert eight_bits(roof) == [96, 48, 16, 255]
