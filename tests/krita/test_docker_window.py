"""The whole way in Krita's window with real clicks: set, colour, watch, apply, undo, paint masks, save, reopen."""

import pytest
from colorizer_lab.krita import pointer
from window_steps import is_applied, open_it, rest

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


@pytest.fixture
def krita(emptied):
    return emptied


def set_up(krita, mode="split", **document):
    """Opens the drawing and sets sketch, reference and mode by hand."""
    ids = krita.call(open_it, **document)
    pointer.choose(krita, "sketch_combo", ids["Ink"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    pointer.choose(krita, "mode_combo", mode)
    return ids


def state():
    return docker_state()


def watch(krita):
    """Presses Colorize and follows the job to its end; returns every value of the progress bar and the last state."""
    before = krita.call(note_progress)
    pointer.click(krita, "colorize_button")
    now = krita.wait_until(has_ended, before=before, timeout_s=120)
    assert now["error"] == ""
    return krita.call(noted_progress), krita.wait_until(overlay_is_up, timeout_s=60)


def note_progress():
    """From now on; how many results there are already."""
    global progress
    progress = []
    widget("progress_bar").valueChanged.connect(progress.append)
    return docker_state()["results"]


def noted_progress():
    widget("progress_bar").valueChanged.disconnect()
    return progress


def has_ended(before):
    now = docker_state()
    return now if now["error"] or now["results"] > before else None


def overlay_is_up():
    now = docker_state()
    return now if now["overlay"] else None


def apply(krita):
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    krita.call(rest, count=30)


def before_applying():
    return {
        "ink": digest(find(document(), "Ink"), 240, 240),
        "steps": undo_steps(),
        "tree": tree(document().rootNode()),
    }


def after_applying():
    nodes = {n.name(): n for n, _ in wrappers.walk(group())}
    layers = session().document.results[0].result.layers()
    own = {
        layer.name: bytes(
            nodes[layer.name].pixelData(
                layer.pixels.x, layer.pixels.y, layer.pixels.width, layer.pixels.height
            )
        )
        == layer.pixels.data
        for layer in layers
    }
    return before_applying() | {
        "group": [group().name(), group().blendingMode(), tree(group())],
        "own": own,
        "blends": {name: node.blendingMode() for name, node in nodes.items() if node.type() == "paintlayer"},
        "masks": [name for name, node in nodes.items() if node.type() == "transparencymask"],
        "active": document().activeNode().name(),
        "overlay": docker_state()["overlay"],
    }


def use_action(action):
    trigger(action)
    document().waitForDone()
    yield from ticks(20)
    return tree(document().rootNode())


def test_the_whole_way_with_real_clicks(krita):
    set_up(krita)
    before = krita.call(before_applying)
    progress, shown = watch(krita)
    assert len(set(progress)) >= 3
    assert krita.call(before_applying) == before
    assert shown["overlay"]
    apply(krita)
    after = krita.call(after_applying)
    name, blend, layers = after["group"]
    assert name.startswith("Colorized")
    assert blend == "normal"
    assert layers[:2] == [["Background", ["Background mask"]], ["Flats", ["Foreground mask"]]]
    assert all(after["own"].values())
    assert after["ink"] == before["ink"]
    assert len(after["steps"]) == len(before["steps"]) + 1
    assert after["active"] == "Ink"
    assert krita.call(use_action, action="edit_undo") == before["tree"]
    assert krita.call(use_action, action="edit_redo") == after["tree"]


def note_overlay():
    """From now on, whenever a group goes in: whether a result lies over the canvas."""
    global covered
    covered, port = [], session().canvas._port
    insert = port.insert_group

    def insert_group(*arguments):
        covered.append(docker_state()["overlay"])
        return insert(*arguments)

    port.insert_group = insert_group


def is_uncovered():
    return None if docker_state()["overlay"] else covered


def test_a_result_lies_over_the_canvas_until_its_layers_are_there(krita):
    set_up(krita)
    watch(krita)
    krita.call(note_overlay)
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    assert krita.wait_until(is_uncovered, timeout_s=30) == [True]


def paint_on_mask(name):
    """Selects a mask, takes black and a wide brush; where a stroke through the house's wall is on the screen."""
    mask = find(document(), name)
    document().setActiveNode(mask)
    trigger("KritaShape/KisToolBrush")
    yield from ticks(20)
    view = window.activeView()
    view.setForeGroundColor(krita.ManagedColor.fromQColor(QColor(0, 0, 0), view.canvas()))
    view.setBrushSize(30)
    view.canvas().setZoomLevel(1.0)
    yield from ticks(20)
    return {
        "before": pixel(document(), 80, 140),
        "points": [screen_point(document(), x, 140) for x in (65, 80, 100, 150, 170)],
        "other": pixel(document(), 215, 90),
    }


def has_stroke():
    return strokes() > 0 and not port.busy()


def look():
    document().waitForDone()
    yield from ticks(30)
    return {"after": pixel(document(), 80, 140), "other": pixel(document(), 215, 90)}


def test_painting_a_mask_hides_its_side_at_once(krita):
    set_up(krita)
    watch(krita)
    apply(krita)
    before = krita.call(paint_on_mask, name="Foreground mask")
    pointer.stroke(krita, before["points"])
    krita.wait_until(has_stroke, timeout_s=60)
    after = krita.call(look)
    assert after["after"] != before["before"]
    assert after["other"] == before["other"]


def save_and_reopen(path):
    document().setBatchmode(True)
    document().saveAs(path)
    yield from close_all()
    opened = Krita.instance().openDocument(path)
    window.addView(opened)
    yield from ticks(100)
    steps = undo_steps()
    modes = {}
    for name in ("Ink", "Paper", "Ink"):
        opened.setActiveNode(find(opened, name))
        yield from until(lambda name=name: session().document.sketch.name == name)
        yield from ticks(30)
        modes[name] = [docker_state()["mode"], widget("reference_list").count()]
    return [modes, opened.modified(), len(steps)]


def test_modes_come_back_with_the_file(krita, tmp_path):
    set_up(krita, "background")
    modes, modified, steps = krita.call(save_and_reopen, path=str(tmp_path / "house.kra"))
    assert modes == {"Ink": ["background", 1], "Paper": ["whole", 0]}
    assert not modified
    assert steps == 1


def compare_with_result():
    """By layer: its colour space, and how far its colours are from the result's at some points."""
    nodes = {n.name(): n for n, _ in wrappers.walk(group())}
    found = {}
    for layer in session().document.results[0].result.layers():
        node, wanted = nodes[layer.name], layer.pixels
        row = wanted.width * 4
        image = QImage(wanted.data, wanted.width, wanted.height, row, QImage.Format.Format_ARGB32)
        worst = 0
        for x, y in ((80, 140), (120, 190), (20, 20), (120, 80), (208, 33)):
            colour = image.pixelColor(x - wanted.x, y - wanted.y)
            if colour.alpha():
                pairs = zip(asked_for(node, x, y), (colour.blue(), colour.green(), colour.red()), strict=True)
                worst = max(worst, *(abs(a - b) for a, b in pairs))
        found[layer.name] = [[node.colorModel(), node.colorDepth()], worst]
    return found


def asked_for(node, x, y):
    """One pixel of a layer without its mask, as the port gives it: B, G, R."""
    read = port.layer_pixels(port.active_document().key, id_of(node))
    start = ((y - read.y) * read.width + x - read.x) * 4
    return list(read.data[start : start + 3])


@pytest.mark.parametrize(("space", "tolerance"), [("RGBA U16", 1), ("CMYKA U8", 0)])
def test_other_colour_modes_go_the_whole_way(krita, space, tolerance):
    set_up(krita, space=space)
    krita.define(asked_for)
    before = krita.call(before_applying)
    watch(krita)
    apply(krita)
    after = krita.call(before_applying)
    assert after["ink"] == before["ink"]
    assert len(after["steps"]) == len(before["steps"]) + 1
    for node_space, worst in krita.call(compare_with_result).values():
        assert node_space == (space.split() if space.startswith("RGBA") else ["RGBA", "U8"])
        assert worst <= tolerance


def drag_ends(name):
    """Where a layer's row and the strip of references are on the screen."""
    tree_view = canvas.layers_view(window)
    model = tree_view.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    row = next(index for index in rows if model.data(index) == name)
    start = tree_view.viewport().mapToGlobal(tree_view.visualRect(row).center())
    strip = widget("reference_list")
    end = strip.mapToGlobal(strip.rect().center())
    return [[start.x(), start.y()], [end.x(), end.y()]]


def dropped():
    model = session().document
    references = model.settings.references
    return (
        [model.sketch.name, *([r.source.kind.value, r.source.key] for r in references)]
        if references
        else None
    )


def test_a_layer_dragged_onto_the_list_becomes_a_reference(krita):
    ids = krita.call(open_it)
    start, end = krita.call(drag_ends, name="Reference")
    steps = [
        [start[0] + (end[0] - start[0]) * i // 8, start[1] + (end[1] - start[1]) * i // 8] for i in range(9)
    ]
    before = krita.call(before_applying)["tree"]
    pointer.stroke(krita, [*steps, end, end])
    krita.wait_until(dropped, timeout_s=60)
    assert krita.call(dropped) == ["Ink", ["layer", ids["Reference"]]]
    assert krita.call(before_applying)["tree"] == before


def mask_is_chosen():
    chosen = session().document.settings.sketch_mask
    return [n.name() for n, _ in wrappers.walk(document().rootNode()) if id_of(n) == chosen] or None


def test_a_created_mask_is_a_layer_and_chosen(krita):
    set_up(krita)
    before = krita.call(before_applying)
    pointer.click(krita, "create_sketch_mask_button")
    assert krita.wait_until(mask_is_chosen, timeout_s=60) == ["Foreground mask"]
    after = krita.call(before_applying)
    assert after["tree"] == [*before["tree"], "Foreground mask"]
    assert len(after["steps"]) == len(before["steps"]) + 1
    assert after["ink"] == before["ink"]
    assert krita.call(state)["error"] == ""


def has_results(count):
    return docker_state()["results"] == count


def test_redo_makes_a_second_result(krita):
    set_up(krita, "foreground")
    watch(krita)
    pointer.click(krita, "redo_button")
    krita.wait_until(has_results, count=2, timeout_s=60)
    pointer.click(krita, "discard_button")
    krita.wait_until(has_results, count=1, timeout_s=60)


def ready_to_paint():
    trigger("KritaShape/KisToolBrush")
    document().rootNode().addChildNode(document().createNode("Sketching", "paintlayer"), None)
    yield from ticks(10)
    document().setActiveNode(find(document(), "Sketching"))
    window.activeView().canvas().setZoomLevel(1.0)
    yield from ticks(20)
    return [screen_point(document(), x, 120) for x in (20, 80, 140, 220)]


def is_painting():
    return port.busy()


def apply_now():
    session().apply()


def stroke_extent():
    document().waitForDone()
    bounds = find(document(), "Sketching").bounds()
    return [bounds.left(), bounds.right()]


def test_a_stroke_is_not_cut_by_a_result(krita):
    ids = set_up(krita)
    watch(krita)
    points = krita.call(ready_to_paint)
    pointer.press(krita, points[0])
    try:
        pointer.move(krita, points[1])
        krita.wait_until(is_painting, timeout_s=60)
        krita.call(apply_now)
        krita.call(rest, count=40)
        pointer.move(krita, points[2])
        assert not krita.call(is_applied)
        pointer.move(krita, points[3])
    finally:
        pointer.release(krita)
    krita.wait_until(is_applied, timeout_s=60)
    left, right = krita.call(stroke_extent)
    assert left < 25
    assert right > 215
    assert ids["Ink"]
