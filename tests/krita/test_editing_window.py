"""The port changes what is there: pixels of applied layers, the active layer, animated layers; and catches clicks."""

import functools

import pytest
from colorizer_lab.krita import session

pytestmark = pytest.mark.window

PRELUDE = "import inside_window, kra\nglobals().update(vars(inside_window))"


@pytest.fixture(scope="module")
def window_keeper(display, keeper):
    yield from keeper(functools.partial(session.windowed, display), PRELUDE)


@pytest.fixture
def window(window_keeper):
    session = window_keeper.get()
    session.call(empty)
    return session


def empty():
    yield from close_all()


def replace_in_group(space, times):
    """Writes into two layers of a group, again and again; what undo, redo and Krita's own refresh make of it."""
    document, _ = new_document(space, width=90, height=70)
    key = yield from show(document)
    noise = bytes((31 * i * i + i) % 256 for i in range(90 * 70 * 4))
    layers = (
        NewLayer("Background", Pixels(90, 70, noise), role="background"),
        NewLayer("Flats", Pixels(90, 70, noise[::-1]), mask=mask(99, 90, 70), mask_name="m", role="figure"),
    )
    lines = id_of(find(document, "Lines"))
    group = port.insert_group(key, lines, NewGroup("Colorized", layers, above=True))
    yield from ticks(10)
    ids = [part.layer_id for part in port.group_parts(key, group)]
    states = [state(document)]
    for number in range(times):
        before = len(undo_steps())
        red, clear = solid([0, number, 255, 255], 20, 10, 5, 6), solid([0, 0, 0, 0], 8, 9, 40, 30)
        port.replace_pixels(key, [(ids[0], red), (ids[1], clear)])
        yield from ticks(10)
        states.append(state(document))
        assert len(undo_steps()) - before == 1
    read = port.layer_pixels(key, ids[0])
    found = {"colour": list(read.data[(6 * 90 + 5) * 4 :][:4]), "beside": beside(states)}
    found["ids"] = ids == [part.layer_id for part in port.group_parts(key, group)]
    found["undone"] = yield from steps_through("edit_undo", document, states[-2::-1])
    found["redone"] = yield from steps_through("edit_redo", document, states[1:])
    document.refreshProjection()
    found["shown"] = state(document) == states[-1]
    return found


def state(document):
    """What the two layers hold and what the picture shows."""
    nodes = [find(document, "Background"), find(document, "Flats")]
    return [node.pixelData(0, 0, 90, 70).data() for node in nodes] + [document.pixelData(0, 0, 90, 70).data()]


def beside(states):
    """Whether a row that no rectangle touches is the same in all states; where Krita knows few profiles that mean the
    same, 8 bits became 16: 0xAB is 0xABAB then."""
    rows = [data[: len(data) // 70] for first, second, _ in states for data in (first, second)]
    wide = [row for row in rows if len(row) > len(rows[0])]
    assert all(row[::2] == row[1::2] for row in wide)
    rows = [row[::2] if row in wide else row for row in rows]
    return rows[0::2] == rows[:1] * len(states) and rows[1::2] == rows[1:2] * len(states)


def steps_through(action, document, wanted):
    """Undoes or redoes step by step; whether every state on the way is the wanted one, once Krita has drawn it."""
    same = []
    for one in wanted:
        trigger(action)
        document.waitForDone()
        yield from until(lambda one=one: state(document) == one, patience_s=10)
        same.append(state(document) == one)
    return all(same)


@pytest.mark.parametrize("space", ["RGBA U8", "RGBA U16", "RGBA F32"])
def test_replaced_pixels_are_one_undo_step(window, space):
    for helper in (state, beside, steps_through):
        window.define(helper)
    found = window.call(replace_in_group, space=space, times=3)
    assert found["colour"] == [0, 2, 255, 255]
    assert found["beside"]
    assert found["ids"]
    assert found["undone"]
    assert found["redone"]
    assert found["shown"]


def repair_again(whole):
    """Repairs of one layer, or of all, of an 8-bit document: how often pixels were converted, whose storage changed."""
    document, _ = new_document(width=30, height=20)
    key = yield from show(document)
    names = ("Background", "Flats")
    layers = tuple(NewLayer(name, solid([9, 9, 9, 255], 30, 20)) for name in names)
    port.insert_group(key, id_of(find(document, "Lines")), NewGroup("Colorized", layers, above=True))
    yield from ticks(10)
    nodes = {name: find(document, name) for name in names}
    converted, scratch, profiles = [], port._scratch, []
    ways = {name: getattr(scratch, name) for name in ("read_srgb8", "from_srgb8")}
    for name, way in ways.items():
        setattr(scratch, name, lambda *given, name=name, way=way: converted.append(name) or way(*given))
    try:
        for number in range(4):
            red, written = solid([0, number, 255, 255], 3, 2, 5, 6), names if whole else names[1:]
            port.replace_pixels(key, [(id_of(nodes[name]), red) for name in written])
            yield from ticks(10)
            profiles.append([nodes[name].colorProfile() for name in names])
            read = [list(port.layer_pixels(key, id_of(nodes[name])).data[:4]) for name in written]
            assert read == [[9, 9, 9, 255]] * len(written)
    finally:
        for name, way in ways.items():
            setattr(scratch, name, way)
    return [converted, profiles]


def has_enough_profiles():
    """Whether a group of two layers can always be converted to another profile that means sRGB.

    Before Krita 5.3 a converted group keeps its own colour space, so three profiles are needed; 5.2.9 comes with two.
    """
    from krita_colorize.krita_port.replace import TWINS

    there = Krita.instance().profiles("RGBA", "U8")
    needed = 3 if Krita.instance().version().startswith(("5.1", "5.2")) else 2
    return sum(name in there for name in TWINS[0]) >= needed


def test_repairs_of_an_8_bit_document_convert_nothing(window):
    converted, _ = window.call(repair_again, whole=True)
    if window.call(has_enough_profiles):
        assert converted == []
    else:  # the depth changes instead
        assert set(converted) == {"read_srgb8", "from_srgb8"}


def test_a_repair_of_one_layer_leaves_the_others(window):
    converted, profiles = window.call(repair_again, whole=False)
    assert converted == []
    assert {background for background, _ in profiles} == {"sRGB-elle-V2-srgbtrc.icc"}
    assert profiles[1][1] == "sRGB-elle-V2-srgbtrc.icc"  # every other time it is the document's own again


def write_without_twin():
    """In a colour space without a twin the layer gets the next depth: colours stay."""
    document, _ = new_document("CMYKA U8")
    key = yield from show(document)
    layer = port.insert_layer(
        key, id_of(find(document, "Lines")), NewLayer("Flats", solid([90, 80, 70, 255], 9, 9))
    )
    yield from ticks(5)
    before = port.layer_pixels(key, layer)
    port.replace_pixels(key, [(layer, solid([250, 250, 250, 255], 4, 4))])
    yield from ticks(5)
    after, node = port.layer_pixels(key, layer), find(document, "Flats")
    return [
        node.colorModel(),
        node.colorDepth(),
        list(before.data[-4:]),
        list(after.data[-4:]),
        list(after.data[:4]),
    ]


def test_exotic_colour_spaces_keep_their_colours(window):
    model, depth, before, after, written = window.call(write_without_twin)
    assert (model, depth) == ("CMYKA", "U16")
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 1
    assert min(written) > 240


def select_new_layer():
    document, _ = new_document()
    key = yield from show(document)
    layer = port.insert_layer(key, id_of(find(document, "Lines")), NewLayer("Hints", Pixels(0, 0, b"")))
    port.activate(key, layer)
    yield from ticks(10)
    return document.activeNode().name()


def test_new_layer_can_be_selected_at_once(window):
    assert window.call(select_new_layer) == "Hints"


def rename_and_copy():
    """Roles after renaming the layers, and in a copy of the group."""
    document, _ = new_document()
    key = yield from show(document)
    layers = (NewLayer("Background", solid([1, 2, 3, 255], 9, 9), role="background"),)
    group = port.insert_group(key, id_of(find(document, "Lines")), NewGroup("Colorized", layers))
    yield from ticks(5)
    copy = find(document, "Colorized").duplicate()
    document.rootNode().addChildNode(copy, None)
    nodes = [node for node, _ in wrappers.walk(document.rootNode()) if node.type() == "paintlayer"]
    for node in nodes:
        if node.name() == "Background" and id_of(node.parentNode()) == group:
            node.setName("Himmel")
    groups = [id_of(node) for node, _ in wrappers.walk(document.rootNode()) if node.type() == "grouplayer"]
    return [[part.role for part in port.group_parts(key, found)] for found in groups]


def test_roles_survive_renaming_and_copying(window):
    assert window.call(rename_and_copy) == [["background"], ["background"]]


def animate(folder):
    """Three frames at 0, 4 and 8, then a layer with two of them beside it."""
    drawn = {4 * number: bytes([10 * number, 50, 60, 255]) * (64 * 48) for number in range(3)}
    layers = [kra.Layer("Lines", {0: bytes(64 * 48 * 4)}), kra.Layer("Ink", drawn)]
    kra.write(f"{folder}/animation.kra", 64, 48, layers)
    document = Krita.instance().openDocument(f"{folder}/animation.kra")
    key = yield from show(document)
    document.setCurrentTime(5)
    yield from ticks(20)
    ink = find(document, "Ink")
    ink.setOpacity(100)
    before, sketch = undo_steps(), id_of(ink)
    times = list(port.frame_times(key, sketch))
    blue = list(port.snapshot_frame(key, sketch, 6).data[:1])
    pictures = [Frame(0, solid([1, 2, 3, 255], 64, 48)), Frame(8, solid([4, 5, 6, 255], 10, 10, 3, 3))]
    layer = port.insert_animated_layer(key, sketch, NewGroup("Colours", ()), pictures)
    yield from ticks(20)
    new = wrappers.find_node(document, layer)
    found = {
        "times": times,
        "new": list(port.frame_times(key, layer)),
        "blue": blue,
        "opacity": new.opacity(),
    }
    found["frames"] = [place(port.snapshot_frame(key, layer, time)) for time in (2, 5, 20)]
    found["steps"] = len(undo_steps()) - len(before)
    found["order"] = tree(document.rootNode())
    found["playhead"] = document.currentTime()
    return found


def test_animated_layers_get_the_sketchs_keyframes(window, tmp_path):
    window.call("from krita_colorize.core.port import Frame")
    found = window.call(animate, folder=str(tmp_path))
    assert found["times"] == found["new"] == [0, 4, 8]
    assert found["blue"] == [10]
    assert found["frames"] == [[0, 0, 64, 48, 4], [0, 0, 0, 0, 0], [3, 3, 10, 10, 4]]
    assert (found["steps"], found["opacity"], found["playhead"]) == (1, 255, 5)
    assert found["order"] == ["Lines", "Colours", "Ink"]


def open_for_picking():
    document, _ = new_document(width=600, height=400)
    key = yield from show(document)
    trigger("KritaShape/KisToolBrush")
    window.activeView().canvas().setZoomLevel(1.0)
    yield from ticks(20)
    picked.clear()
    started = port.pick(lambda *place: picked.append(place))
    return [started, key, screen_point(document, 150, 220), screen_point(document, 300, 220)]


def has_picked():
    return bool(picked)


def has_stroke():
    return strokes() > 0


def what_was_picked():
    yield from ticks(40)
    return [picked, strokes()]


def test_a_picked_click_paints_nothing_and_the_next_one_does(window):
    window.call("picked = []")
    started, key, place, next_place = window.call(open_for_picking)
    assert started
    window.xdotool("mousemove", *place, "click", 1)
    window.wait_until(has_picked, timeout_s=60)
    ((document, x, y),), painted = window.call(what_was_picked)
    assert document == key
    assert abs(x - 150) <= 1
    assert abs(y - 220) <= 1
    assert painted == 0
    window.xdotool("mousemove", *next_place, "click", 1)
    window.wait_until(has_stroke, timeout_s=60)
    found, painted = window.call(what_was_picked)
    assert (len(found), painted) == (1, 1)
