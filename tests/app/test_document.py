"""What a document remembers for each of its sketches."""

from __future__ import annotations

from typing import Any

import pytest
from fake_port import FakeDocument, FakePort

from krita_colorize.app.document import FOLLOW, DocumentModel
from krita_colorize.core import settings as notes
from krita_colorize.core.errors import UserError
from krita_colorize.core.modes import Mode
from krita_colorize.core.port import Kind, LayerInfo
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind


@pytest.fixture
def document(port: FakePort) -> FakeDocument:
    document = port.open()
    for name in ("Sheet", "Hair", "Face"):
        port.add_layer(document, name)
    return document


@pytest.fixture
def model(port: FakePort, document: FakeDocument, qapp: object) -> DocumentModel:
    return DocumentModel(port, document.info)


def layer(document: FakeDocument, name: str) -> LayerInfo:
    return next(info for info in document.layers if info.name == name)


def select(port: FakePort, model: DocumentModel, document: FakeDocument, name: str) -> None:
    port.select(document, layer(document, name))
    model.refresh()


def sketch_name(model: DocumentModel) -> str:
    return model.sketch.name if model.sketch else ""


def test_every_sketch_has_its_own_mode(port: FakePort, model: DocumentModel, document: FakeDocument) -> None:
    model.change(mode=Mode.SPLIT)
    select(port, model, document, "Hair")
    assert model.settings.mode is Mode.WHOLE
    model.change(mode=Mode.BACKGROUND)
    select(port, model, document, "Face")
    assert model.settings.mode is Mode.SPLIT


def test_modes_survive_reopening(port: FakePort, model: DocumentModel, document: FakeDocument) -> None:
    model.change(mode=Mode.SPLIT, seed=7)
    document.modified = False
    reopened = DocumentModel(port, document.info)
    assert reopened.settings == Settings(mode=Mode.SPLIT, seed=7)
    assert not document.modified


def test_unchanged_settings_are_not_written(model: DocumentModel, document: FakeDocument) -> None:
    model.change(mode=Mode.WHOLE)
    assert not document.modified
    assert document.notes == {}


def test_sketch_follows_the_selection(port: FakePort, model: DocumentModel, document: FakeDocument) -> None:
    assert sketch_name(model) == "Face"
    select(port, model, document, "Hair")
    assert sketch_name(model) == "Hair"


def test_chosen_sketch_stays(port: FakePort, model: DocumentModel, document: FakeDocument) -> None:
    model.choose_sketch(layer(document, "Hair").id)
    select(port, model, document, "Face")
    assert sketch_name(model) == "Hair"
    model.choose_sketch(FOLLOW)
    assert sketch_name(model) == "Face"


def test_selecting_mask_or_reference_keeps_the_sketch(
    port: FakePort, model: DocumentModel, document: FakeDocument
) -> None:
    sheet = layer(document, "Sheet")
    model.add_references(Reference(Source(SourceKind.LAYER, sheet.id, sheet.name)))
    model.change(sketch_mask=layer(document, "Hair").id)
    for name in ("Sheet", "Hair"):
        select(port, model, document, name)
        assert sketch_name(model) == "Face"


def test_deleted_sketch_gives_way_to_the_selection(
    port: FakePort, model: DocumentModel, document: FakeDocument
) -> None:
    hair = layer(document, "Hair")
    model.choose_sketch(hair.id)
    document.layers.remove(hair)
    model.refresh()
    assert (model.sketch_choice, sketch_name(model)) == (FOLLOW, "Face")


def test_no_sketch_can_not_be_changed(port: FakePort, qapp: object) -> None:
    document = port.open()
    port.add_layer(document, "Mask", Kind.MASK)
    model = DocumentModel(port, document.info)
    assert model.sketch is None
    with pytest.raises(UserError, match="Select the layer"):
        model.change(seed=1)


def test_references_have_a_limit(model: DocumentModel) -> None:
    many = [Reference(Source(SourceKind.FILE, str(n), str(n))) for n in range(notes.MAX_REFERENCES + 1)]
    model.add_references(*many[:-1])
    with pytest.raises(UserError, match="16 references at most"):
        model.add_references(many[-1])


def test_removing_a_reference_keeps_the_others(model: DocumentModel) -> None:
    references = [Reference(Source(SourceKind.FILE, name, name)) for name in "abc"]
    model.add_references(*references)
    model.use_reference_mask(model.sketch.id, references[2].source, "{mask}")
    model.remove_reference(1)
    assert [(item.source.name, item.mask) for item in model.settings.references] == [
        ("a", ""),
        ("c", "{mask}"),
    ]


class FakeResult:
    """As large as it says."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes


def test_oldest_results_make_room(model: DocumentModel, qtbot: Any) -> None:
    for _ in range(6):
        model.add_result(FakeResult(900 << 20), None)  # type: ignore[arg-type]
    model.replace_result(model.results[1], FakeResult(100 << 20))  # type: ignore[arg-type]
    assert len(model.results) == 1
    assert model.selected is model.results[0]


def test_compact_results_are_kept(model: DocumentModel, qtbot: Any) -> None:
    for _ in range(20):
        model.add_result(FakeResult(200 << 20), None)  # type: ignore[arg-type]
        for item in model.results[1:2]:
            model.replace_result(item, FakeResult(3 << 20))  # type: ignore[arg-type]
    assert len(model.results) == 20


def test_discarding_selects_nothing(model: DocumentModel) -> None:
    model.add_result(FakeResult(1), None)  # type: ignore[arg-type]
    model.add_result(FakeResult(1), None)  # type: ignore[arg-type]
    model.discard_selected()
    assert (len(model.results), model.selected) == (1, None)
