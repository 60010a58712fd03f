"""What happens to documents in daily work, in Krita's window: layers deleted and undone, files closed and reopened."""

import pytest
from window_steps import open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

HINT = (200, 0, 250)


def colour():
    """Chooses and colours the ink; the result is there and stored."""
    model = session().document
    model.choose_sketch(id_of(find(document(), "Ink")))
    reference = next(layer for layer in model.layers if layer.name == "Reference")
    session().references.add_layer(model, reference)
    session().colorize()
    yield from until(lambda: bool(model.results) and model.results[0].base is not None, 120)
    yield from until(lambda: session().job is None)
    return session().error


def apply():
    session().apply()
    yield from until(lambda: group() is not None or bool(session().error), 60)
    document().waitForDone()
    yield from ticks(20)
    return [session().error, tree(document().rootNode())]


@pytest.fixture
def coloured(emptied):
    emptied.call(open_it)
    assert emptied.call(colour, timeout_s=150) == ""
    return emptied


def delete(name):
    find(document(), name).remove()
    document().waitForDone()
    yield from until(lambda: all(layer.name != name for layer in session().document.layers), 20)
    yield from ticks(20)


def test_a_result_without_its_sketch_goes_on_top(coloured):
    coloured.call(delete, name="Ink")
    error, layers = coloured.call(apply, timeout_s=90)
    assert "above all other layers" in error
    assert layers[-1][0].startswith("Colorized")


def undo_during_redo():
    """Changes the mask, presses Redo and undoes the group while the repair is on its way."""
    fill_mask()
    session().redo()
    yield from until(lambda: session().job is not None or bool(session().error), 20)
    trigger("edit_undo")
    document().waitForDone()
    yield from until(lambda: session().job is None and bool(session().error), 120)
    return [session().error, group() is None]


def fill_mask():
    mask = next(node for node, _ in wrappers.walk(group()) if node.type() == "transparencymask")
    mask.setPixelData(bytes(900), 70, 130, 30, 30)


def test_a_group_undone_during_its_repair_is_told(coloured):
    coloured.call(apply, timeout_s=90)
    coloured.define(fill_mask)
    error, gone = coloured.call(undo_during_redo, timeout_s=200)
    assert gone
    assert "Press Apply to bring them back" in error
    error, layers = coloured.call(apply, timeout_s=90)
    assert error == ""
    assert any(isinstance(layer, list) for layer in layers)


def make_hints():
    model = session().document
    session().job_requests.make_hints(model)
    yield from until(lambda: bool(model.settings.hints), 60)
    yield from until(lambda: document().activeNode().name() == "Colour hints", 60)
    fill(document().activeNode(), (250, 0, 200, 255), 200, 30, 6, 6)
    yield from ticks(20)


def save_and_reopen(path):
    assert document().saveAs(path)
    document().waitForDone()
    yield from close_all()
    opened = Krita.instance().openDocument(path)
    window.addView(opened)
    yield from until(lambda: session().document is not None and bool(session().document.layers), 30)
    yield from ticks(60)
    model = session().document
    active = opened.activeNode()
    return {
        "active": active.name() if active is not None else "",
        "sketch": model.sketch.name if model.sketch else "",
        "references": [item.source.name for item in model.settings.references],
        "hints": [layer.name for layer in model.layers if layer.id == model.settings.hints],
        "shown": widget("sketch_combo").currentText(),
    }


@pytest.mark.parametrize("selected", ["Colour hints", "Reference", "Flats"])
def test_reopened_with_another_layer_selected_the_sketch_is_the_sketch(coloured, tmp_path, selected):
    coloured.call(make_hints, timeout_s=90)
    coloured.call(apply, timeout_s=90)
    coloured.call(select, name=selected)
    found = coloured.call(save_and_reopen, path=str(tmp_path / "page.kra"), timeout_s=90)
    assert found["active"] == selected
    assert found["sketch"] == "Ink"
    assert found["references"] == ["Reference"]
    assert found["hints"] == ["Colour hints"]


def select(name):
    document().setActiveNode(find(document(), name))
    yield from ticks(30)
    return document().activeNode().name()


def rename_group():
    group().setName("My colours")
    document().setActiveNode(find(document(), "My colours"))
    yield from ticks(60)
    return session().document.sketch.name


def test_a_renamed_result_is_no_sketch(coloured):
    coloured.call(apply, timeout_s=90)
    assert coloured.call(rename_group) == "Ink"


def has_second_view():
    """The same document in a second view, and what lies over its canvas."""
    session().select_result(session().document.results[0].number)
    yield from until(lambda: docker_state()["overlay"], 20)
    window.addView(document())
    yield from ticks(20)
    yield from until(lambda: docker_state()["overlay"], 20)
    shown = docker_state()
    return [shown["overlay"], widget("show_on_canvas_check").isChecked()]


def test_a_second_view_shows_the_overlay(coloured):
    assert coloured.call(has_second_view, timeout_s=90) == [True, True]


def name_as_results(name):
    find(document(), "Paper").setName(name)
    yield from ticks(60)


def layers_twice():
    names = [node.name() for node, _ in wrappers.walk(document().rootNode())]
    roles = [part.role for part in port.group_parts(port.active_document().key, id_of(group()))]
    return [sorted({name for name in names if names.count(name) > 1}), sorted(roles)]


def test_no_name_is_there_twice(coloured):
    coloured.call(name_as_results, name="Background")
    coloured.call(apply, timeout_s=90)
    assert coloured.call(layers_twice) == [[], ["background", "figure"]]


def apply_in_a_selection():
    """Selects the left half, applies the result: how many pixels each layer holds on either side."""
    chosen = Selection()
    chosen.select(0, 0, 120, 240, 255)
    document().setSelection(chosen)
    yield from ticks(60)
    session().apply()
    yield from until(lambda: group() is not None or bool(session().error), 60)
    document().waitForDone()
    layers = [node for node, _ in wrappers.walk(group()) if node.type() == "paintlayer"]
    return [
        [sum(bytes(node.pixelData(x, 0, 120, 240).data())[3::4]) // 255 for x in (0, 120)] for node in layers
    ]


def test_a_selection_restricts_apply(coloured):
    sides = coloured.call(apply_in_a_selection, timeout_s=90)
    assert any(left for left, _ in sides)
    assert all(right == 0 for _, right in sides)


def open_odd():
    """A canvas of 237 x 231 px with the ink on a layer of 151 px width that begins outside of it."""
    opened, _ = new_document(width=237, height=231)
    whole = picture(ink)
    cut = b"".join(whole[(y * 240 + 40) * 4 : (y * 240 + 191) * 4] for y in range(240))
    for name, data, wide, left in (("Reference", picture(colours), 240, 0), ("Ink", cut, 151, -13)):
        node = opened.createNode(name, "paintlayer")
        node.setPixelData(data, left, -7, wide, 240)
        opened.rootNode().addChildNode(node, None)
    find(opened, "Reference").setVisible(False)
    opened.refreshProjection()
    yield from show(opened)
    opened.setActiveNode(find(opened, "Ink"))
    yield from ticks(40)


def wall():
    """The wall's colour in the applied layers, at the middle of the wall."""
    layers = [node for node, _ in wrappers.walk(group()) if node.type() == "paintlayer"]
    found = [list(node.pixelData(80 - 53, 140 - 7, 1, 1).data()) for node in layers]
    return [pixel for pixel in found if pixel[3]]


def test_an_odd_layer_at_a_negative_offset_is_coloured(emptied):
    emptied.call(open_odd)
    assert emptied.call(colour, timeout_s=150) == ""
    assert emptied.call(apply, timeout_s=90)[0] == ""
    assert [120, 180, 220, 255] in emptied.call(wall)
