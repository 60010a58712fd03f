"""Groups and layers come out as asked for, in every colour mode, and the artist's layers stay as they are."""

import pytest

pytestmark = pytest.mark.krita

SPACES = ["RGBA U8", "RGBA U16", "RGBA F32", "GRAYA U8", "CMYKA U8", "LABA U16"]


def insert_full_group(space):
    """Background red with a full mask, flats blue with half a mask, shading grey multiplied and clipped."""
    document, key = new_document(space)
    paper = document.createNode("Paper", "paintlayer")
    document.rootNode().addChildNode(paper, None)
    lines = add(document, document.createNode("Ink", "paintlayer"))
    lines.setPixelData(bytes(lines.pixelData(0, 0, 1, 1).size()), 0, 0, 1, 1)
    before = digest(lines)
    layers = (
        NewLayer(
            "Background", solid([0, 0, 200, 255], 60, 40), mask=mask(255, 60, 40), mask_name="Back mask"
        ),
        NewLayer("Flats", solid([200, 0, 0, 255], 60, 40), mask=half_mask(), mask_name="Front mask"),
        NewLayer("Shading", solid([128, 128, 128, 255], 10, 10), blend="multiply", opacity=0.5, clip=True),
    )
    group = port.insert_group(key, id_of(lines), NewGroup("Colorized · test", layers))
    nodes = {n.name(): n for n, _ in wrappers.walk(document.rootNode())}
    found = {
        "tree": tree(document.rootNode()),
        "id": id_of(nodes["Colorized · test"]) == group,
        "blends": [nodes[n].blendingMode() for n in ("Background", "Flats", "Shading")],
        "opacity": nodes["Shading"].opacity(),
        "clip": [nodes[n].inheritAlpha() for n in ("Flats", "Shading")],
        "spaces": [nodes[n].colorModel() + " " + nodes[n].colorDepth() for n in ("Background", "Shading")],
        "pixels": [pixel(document, 50, 30), pixel(document, 5, 30), pixel(document, 5, 5)],
        "mask": list(nodes["Front mask"].pixelData(28, 0, 4, 1).data()),
        "lines": before == digest(find(document, "Ink")),
    }
    close(document)
    return found


def half_mask():
    """Shows the left half."""
    return Pixels(60, 40, (bytes([255]) * 30 + bytes(30)) * 40)


PRELUDE = [half_mask]


@pytest.fixture
def krita(krita):
    for helper in PRELUDE:
        krita.define(helper)
    return krita


@pytest.mark.parametrize("space", SPACES)
def test_group_is_as_asked_for(krita, space):
    found = krita.call(insert_full_group, space=space)
    group = ["Colorized · test", [["Background", ["Back mask"]], ["Flats", ["Front mask"]], "Shading"]]
    assert found["tree"] == ["Lines", "Paper", group, "Ink"]
    assert found["id"]
    assert found["blends"][:2] == ["normal", "normal"]
    assert space == "CMYKA U8" or found["blends"][2] == "multiply"  # see test_blending_inside
    assert (found["opacity"], found["clip"]) == (128, [False, True])
    assert found["spaces"] == [space if space.startswith("RGBA") else "RGBA U8"] * 2
    assert found["mask"] == [255, 255, 0, 0]
    assert found["lines"]


def test_layers_flatten_to_the_colours_asked_for(krita):
    back, front, shaded = krita.call(insert_full_group, space="RGBA U8")["pixels"]
    assert back == [0, 0, 200, 255]
    assert front == [200, 0, 0, 255]
    assert max(abs(a - b) for a, b in zip(shaded, [150, 0, 0, 255], strict=True)) <= 1


@pytest.mark.parametrize("space", ["RGBA U16", "RGBA F32"])
def test_colours_survive_the_documents_colour_space(krita, space):
    back, front, _ = krita.call(insert_full_group, space=space)["pixels"]
    assert max(abs(a - b) for a, b in zip(back, [0, 0, 200, 255], strict=True)) <= 1
    assert max(abs(a - b) for a, b in zip(front, [200, 0, 0, 255], strict=True)) <= 1


def look_before_and_after_refreshing(space):
    """The whole picture as it is right after a group went in between two layers, and after Krita computed it anew."""
    document, key = new_document(space)
    fill_like_paper(find(document, "Lines"))
    ink = add(document, document.createNode("Ink", "paintlayer"))
    ink.setPixelData(find(document, "Lines").pixelData(0, 0, 20, 20), 10, 10, 20, 20)
    document.refreshProjection()
    layers = (
        NewLayer("Background", solid([0, 90, 200, 255], 60, 40), mask=half_mask(), mask_name="Back mask"),
        NewLayer("Flats", solid([200, 50, 0, 200], 30, 20, 20, 10)),
        NewLayer("Shading", solid([99, 128, 128, 255], 40, 40), blend="multiply", opacity=0.5, clip=True),
    )
    port.insert_group(key, id_of(ink), NewGroup("Colorized", layers, blend="multiply"))
    at_once = document.pixelData(0, 0, 60, 40).data()
    document.refreshProjection()
    found = [at_once == document.pixelData(0, 0, 60, 40).data(), len(set(at_once)) > 4]
    close(document)
    return found


def fill_like_paper(node):
    """Half-strong bytes everywhere, whatever the colour space."""
    node.setPixelData(bytes([111]) * (60 * 40 * node.pixelData(0, 0, 1, 1).size()), 0, 0, 60, 40)


def repaint_mask():
    """What the picture shows before and after the foreground mask is painted, and after it is emptied."""
    document, key = new_document()
    layers = (
        NewLayer("Background", solid([0, 0, 200, 255], 60, 40)),
        NewLayer("Flats", solid([200, 0, 0, 255], 60, 40), mask=half_mask(), mask_name="Foreground mask"),
    )
    port.insert_group(key, id_of(find(document, "Lines")), NewGroup("Colorized", layers, above=True))
    shown = [pixel(document, 50, 30)]
    for value in (255, 0):
        find(document, "Foreground mask").setPixelData(bytes([value]) * 2400, 0, 0, 60, 40)
        document.refreshProjection()
        shown.append(pixel(document, 50, 30))
    close(document)
    return shown


@pytest.mark.parametrize("space", SPACES)
def test_picture_is_right_without_being_computed_anew(krita, space):
    krita.define(fill_like_paper)
    assert krita.call(look_before_and_after_refreshing, space=space) == [True, True]


def test_masks_show_and_hide_their_layer(krita):
    assert krita.call(repaint_mask) == [[0, 0, 200, 255], [200, 0, 0, 255], [0, 0, 200, 255]]


def insert_beside(where):
    """Half-clear ink over a red group: where the group went and what shows."""
    document, key = new_document()
    lines = find(document, "Lines")
    if where == "in a group":
        holder = add(document, document.createGroupLayer("holder"))
        under = document.createNode("under", "paintlayer")
        holder.addChildNode(under, None)
        lines = document.createNode("ink", "paintlayer")
        holder.addChildNode(lines, None)
        lines = find(document, "ink")
    fill(lines, [0, 0, 0, 128], 0, 0, 60, 40)
    group = NewGroup("Colorized", (NewLayer("Flats", solid([0, 0, 255, 255], 60, 40)),))
    if where == "above":
        fill(lines, [255, 255, 255, 255], 0, 0, 60, 40)
        group = NewGroup("Colorized", group.layers, blend="multiply", above=True)
    port.insert_group(key, id_of(lines), group)
    found = [tree(document.rootNode()), find(document, "Colorized").blendingMode(), pixel(document, 5, 5)]
    close(document)
    return found


def test_sketch_at_the_bottom_stays_in_front(krita):
    """Krita offers no way to insert below the lowest layer in one undo step; the blend mode "behind" does the same."""
    names, blend, shown = krita.call(insert_beside, where="lowest")
    assert (names, blend) == (["Lines", ["Colorized", ["Flats"]]], "behind")
    assert shown == [0, 0, 127, 255]


def test_opaque_sketch_gets_the_group_above_it(krita):
    names, blend, shown = krita.call(insert_beside, where="above")
    assert (names, blend, shown) == (["Lines", ["Colorized", ["Flats"]]], "multiply", [0, 0, 255, 255])


def test_group_stays_in_the_sketchs_group(krita):
    names, blend, _ = krita.call(insert_beside, where="in a group")
    assert names == ["Lines", ["holder", ["under", ["Colorized", ["Flats"]], "ink"]]]
    assert blend == "normal"


def insert_one_layer():
    document, key = new_document("RGBA U16")
    lines = find(document, "Lines")
    layer = NewLayer("Foreground mask", solid([255, 255, 255, 255], 10, 8, 5, 6))
    inserted = port.insert_layer(key, id_of(lines), layer)
    pixels = port.snapshot(key, [inserted])[inserted]
    found = [tree(document.rootNode()), place(pixels), list(pixels.data[:4])]
    close(document)
    return found


def test_single_layer_lands_above_its_neighbour(krita):
    expected = [["Lines", "Foreground mask"], [5, 6, 10, 8, 4], [255, 255, 255, 255]]
    assert krita.call(insert_one_layer) == expected


def reopen_group(path):
    document, key = new_document()
    layers = (
        NewLayer("Flats", solid([200, 0, 0, 255], 60, 40), mask=half_mask(), mask_name="Foreground mask"),
        NewLayer("Light", solid([40, 40, 40, 255], 60, 40), blend="add", clip=True),
    )
    port.insert_group(key, id_of(find(document, "Lines")), NewGroup("Colorized", layers))
    port.write_note(key, "state.json", b'{"mode": "split"}\0\xff')
    layer = id_of(find(document, "Flats"))
    document.setBatchmode(True)
    document.saveAs(path)
    close(document)
    again = Krita.instance().openDocument(path)
    key = port.documents.key(again)
    nodes = {n.name(): n for n, _ in wrappers.walk(again.rootNode())}
    found = [tree(again.rootNode()), nodes["Light"].blendingMode(), nodes["Light"].inheritAlpha()]
    found += [id_of(nodes["Flats"]) == layer, list(nodes["Foreground mask"].pixelData(28, 0, 4, 1).data())]
    found += [list(port.read_note(key, "state.json")), port.read_note(key, "missing"), again.modified()]
    close(again)
    return found


def test_group_and_notes_survive_saving(krita, tmp_path):
    names, blend, clip, same_id, shown, note, missing, modified = krita.call(
        reopen_group, path=str(tmp_path / "a.kra")
    )
    assert names == ["Lines", ["Colorized", [["Flats", ["Foreground mask"]], "Light"]]]
    assert (blend, clip, same_id, shown) == ("add", True, True, [255, 255, 0, 0])
    assert bytes(note) == b'{"mode": "split"}\0\xff'
    assert (missing, modified) == (None, False)


def note_of_closed():
    document, key = new_document()
    close(document)
    sentences = []
    for use in (
        lambda: port.read_note(key, "a"),
        lambda: port.write_note(key, "a", b""),
        lambda: port.layers(key),
    ):
        try:
            use()
        except LookupError as error:
            sentences.append(str(error))
    return sentences


def test_closed_documents_are_never_touched(krita):
    assert krita.call(note_of_closed) == ["The picture has been closed. Open it again and repeat."] * 3


def list_layers():
    document, key = new_document()
    group = add(document, document.createGroupLayer("Figure"))
    group.addChildNode(document.createNode("Hair", "paintlayer"), None)
    find(document, "Hair").addChildNode(document.createSelectionMask("Strands"), None)
    find(document, "Hair").setVisible(False)
    found = [[i.name, i.kind.value, i.depth, i.visible] for i in port.layers(key)]
    keys = [key, port.documents.key(new_document()[0])]
    close(document)
    return [found, keys[0] != keys[1]]


def test_layers_are_listed_top_first(krita):
    listed, keys_differ = krita.call(list_layers)
    assert listed == [
        ["Figure", "group", 0, True],
        ["Hair", "paint", 1, False],
        ["Strands", "mask", 2, True],
        ["Lines", "paint", 0, True],
    ]
    assert keys_differ


def grow(times):
    """Resident memory before and after many listings, kB."""
    document, key = new_document()
    sizes = []
    for count in (times // 10, times):
        for _ in range(count):
            port.layers(key)
            port.active_document()
        with open("/proc/self/statm", encoding="ascii") as file:
            sizes.append(int(file.read().split()[1]) * 4)
    close(document)
    return sizes


def test_looking_leaks_nothing(krita):
    before, after = krita.call(grow, times=5000)
    assert after - before < 1000
