"""How reference pictures come in, and that they survive saving and reopening."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.errors import UserError
from krita_colorize.core.settings import NOTE, Settings, SourceKind
from krita_colorize.qt import QtCore, QtGui


def image(color: str = "red") -> QtGui.QImage:
    picture = QtGui.QImage(30, 20, QtGui.QImage.Format.Format_ARGB32)
    picture.fill(QtGui.QColor(color))
    return picture


@pytest.fixture
def empty(session: Session, page: Page) -> DocumentModel:
    """The document without any reference."""
    session.document.remove_reference(0)
    return session.document


def test_files_are_added_once_they_prove_to_be_pictures(
    session: Session, empty: DocumentModel, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "girl.png"
    path.write_bytes(pictures.to_png(image()))
    session.references.add_file(empty, str(path))
    wait(qtbot, lambda: empty.settings.references)
    source = empty.settings.references[0].source
    assert (source.kind, source.key, source.name) == (SourceKind.FILE, str(path), "girl.png")
    assert not empty.thumbnails[str(path)].isNull()


def test_files_that_are_no_pictures_are_told(
    session: Session, empty: DocumentModel, tmp_path: Path, qtbot: Any
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    session.references.add_file(empty, str(tmp_path / "notes.txt"))
    wait(qtbot, lambda: session.error)
    assert "notes.txt can't be read as a picture" in session.error
    assert empty.settings.references == ()


def test_clipboard_pictures_are_kept_in_the_document_once(
    session: Session, empty: DocumentModel, page: Page, qtbot: Any
) -> None:
    mime = QtCore.QMimeData()
    mime.setImageData(image())
    session.references.add_mime(empty, mime, "Clipboard")
    wait(qtbot, lambda: empty.settings.references)
    session.references.add_mime(empty, mime, "Clipboard")
    qtbot.wait(200)
    (reference,) = empty.settings.references
    notes = [name for name in page.document.notes if name != NOTE]
    assert notes == [reference.source.key]
    assert notes[0].startswith("picture/")
    assert pictures.read_data(page.document.notes[notes[0]], "x").size() == QtCore.QSize(30, 20)


@pytest.mark.parametrize("content", ["nothing", "text", "null image"])
def test_mime_without_a_picture_is_told(session: Session, empty: DocumentModel, content: str) -> None:
    mime = QtCore.QMimeData()
    if content == "text":
        mime.setText("hello")
    elif content == "null image":
        mime.setImageData(QtGui.QImage())
    with pytest.raises(UserError):
        session.references.add_mime(empty, mime, "Clipboard")


def test_pixmaps_are_pictures_too(session: Session, empty: DocumentModel, qtbot: Any) -> None:
    mime = QtCore.QMimeData()
    mime.setImageData(QtGui.QPixmap.fromImage(image()))
    session.references.add_mime(empty, mime, "Clipboard")
    wait(qtbot, lambda: empty.settings.references)


def test_clipboard_pictures_colour_after_reopening(
    session: Session, empty: DocumentModel, page: Page, port: FakePort, qtbot: Any
) -> None:
    session.references.add_image(empty, image("blue"), "Clipboard")
    wait(qtbot, lambda: empty.settings.references)
    port.close_document(page.key)
    reopened = port.open("again.kra")
    reopened.notes, reopened.layers = page.document.notes, page.document.layers
    reopened.pixels, reopened.active = page.document.pixels, page.lines.id
    wait(qtbot, lambda: session.document is not None and session.document.info.key == reopened.info.key)
    assert session.document.settings == empty.settings
    session.colorize()
    wait(qtbot, lambda: session.document.results or session.error)
    assert session.error == ""
    assert session.document.results[0].result.layers()[0].pixels.data[:4] == b"\xff\x00\x00\xff"


def dragged(name: str) -> QtCore.QMimeData:
    """What Krita hands over when a row of its Layers docker is dragged."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as kra:
        kra.writestr("maindoc.xml", f'<DOC><IMAGE><layers><layer name="{name}"/></layers></IMAGE></DOC>')
    mime = QtCore.QMimeData()
    mime.setImageData(image())
    mime.setData("application/zip", archive.getvalue())
    return mime


def test_dragged_layers_are_the_live_layers(session: Session, empty: DocumentModel, page: Page) -> None:
    session.references.add_mime(empty, dragged("Sheet"), "Dropped picture")
    source = empty.settings.references[0].source
    assert (source.kind, source.key) == (SourceKind.LAYER, page.sheet.id)


def test_dragging_selects_but_the_sketch_stays(
    session: Session, empty: DocumentModel, page: Page, port: FakePort, qtbot: Any
) -> None:
    port.select(page.document, page.sheet)  # Krita does, when the drag begins
    qtbot.waitUntil(lambda: empty.sketch is not None and empty.sketch.id == page.sheet.id)
    session.references.add_mime(empty, dragged("Sheet"), "Dropped picture")
    assert empty.sketch is not None
    assert empty.sketch.id == page.lines.id
    assert [reference.source.key for reference in empty.settings.references] == [page.sheet.id]


def test_layers_of_other_documents_are_pictures(session: Session, empty: DocumentModel, qtbot: Any) -> None:
    session.references.add_mime(empty, dragged("Elsewhere"), "Dropped picture")
    wait(qtbot, lambda: empty.settings.references)
    assert empty.settings.references[0].source.kind is SourceKind.NOTE


def test_dropped_files_are_all_added(
    session: Session, empty: DocumentModel, tmp_path: Path, qtbot: Any
) -> None:
    paths = [tmp_path / f"{name}.png" for name in ("red", "blue")]
    for path in paths:
        path.write_bytes(pictures.to_png(image(path.stem)))
    mime = QtCore.QMimeData()
    mime.setUrls([QtCore.QUrl.fromLocalFile(str(path)) for path in paths])
    session.references.add_mime(empty, mime, "Dropped picture")
    wait(qtbot, lambda: len(empty.settings.references) == 2)
    assert {reference.source.name for reference in empty.settings.references} == {"red.png", "blue.png"}


def test_same_picture_is_not_added_twice(session: Session, empty: DocumentModel, page: Page) -> None:
    session.references.add_layer(empty, page.sheet)
    session.references.add_layer(empty, page.sheet)
    assert len(empty.settings.references) == 1


def test_vanished_file_is_told_when_colouring(
    session: Session, empty: DocumentModel, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "girl.png"
    path.write_bytes(pictures.to_png(image()))
    session.references.add_file(empty, str(path))
    wait(qtbot, lambda: empty.settings.references)
    path.unlink()
    session.colorize()
    wait(qtbot, lambda: session.error)
    assert "girl.png can't be found any more" in session.error


def test_layers_get_their_thumbnail_with_the_first_job(
    session: Session, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    assert page.sheet.id not in model.thumbnails
    session.colorize()
    wait(qtbot, lambda: page.sheet.id in model.thumbnails)
    assert not model.thumbnails[page.sheet.id].isNull()


def test_settings_without_sketch_are_refused(session: Session, port: FakePort, qtbot: Any) -> None:
    port.open()
    wait(qtbot, lambda: session.document is not None)
    assert session.status == "Select the layer with your sketch"
    session.colorize()
    assert "Select the layer with your sketch" in session.error
    assert session.document.settings == Settings()
