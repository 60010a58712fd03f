"""Layers are read as they look alone, whatever they are, and the document notices nothing."""

import pytest

pytestmark = pytest.mark.krita

EXACT = ["RGBA U8", "RGBA U16", "RGBA F16", "RGBA F32", "GRAYA U8", "GRAYA U16"]
ROUGH = ["RGBA U8 linear", "CMYKA U8", "CMYKA U16", "LABA U16"]


def difference(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def read_square(space, colour):
    """Paints a square of an sRGB colour into a document of that colour space, by Krita's own conversion; reads it."""
    document, key = new_document(space)
    node = document.createNode("square", "paintlayer")
    node.setColorSpace(*SPACES["RGBA U8"])
    fill(node, colour, 10, 5, 20, 15)
    node.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())
    node = add(document, node)
    document.setModified(False)
    pixels = port.snapshot(key, [id_of(node)])[id_of(node)]
    shown, modified = pixel(document, 12, 7), document.modified()
    close(document)
    return [place(pixels), list(pixels.data[:4]), shown, pixels.data == pixels.data[:4] * 300, modified]


@pytest.mark.parametrize("space", EXACT + ROUGH)
def test_paint_layer_is_cropped_and_as_krita_shows_it(krita, space):
    where, read, shown, same, modified = krita.call(read_square, space=space, colour=[110, 120, 150, 255])
    assert (where, same, modified) == ([10, 5, 20, 15, 4], True, False)
    assert difference(read, shown) <= 1


@pytest.mark.parametrize("space", EXACT)
def test_srgb_colours_come_back_exactly(krita, space):
    colour = [90, 90, 90, 255] if space.startswith("GRAY") else [30, 120, 210, 255]
    read = krita.call(read_square, space=space, colour=colour)[1]
    assert difference(read, colour) <= 1


def read_kind(kind_name):
    """One layer of each kind, holding red at 10, 5 (20x15) unless it fills everything."""
    document, key = new_document()
    red = document.createNode("red", "paintlayer")
    fill(red, [0, 0, 255, 255], 10, 5, 20, 15)
    if kind_name == "group":
        node = add(document, document.createGroupLayer("thing"))
        node.addChildNode(red, None)
    elif kind_name == "pass-through group":
        node = add(document, document.createGroupLayer("thing"))
        node.addChildNode(red, None)
        node.setPassThroughMode(True)
    elif kind_name == "clone":
        source = add(document, red)
        node = add(document, document.createCloneLayer("thing", source))
    elif kind_name == "fill":
        info = krita.InfoObject()
        info.setProperty("color", "#ff0000")
        everywhere = Selection()
        everywhere.select(0, 0, 60, 40, 255)
        node = add(document, document.createFillLayer("thing", "color", info, everywhere))
    for _ in range(20):  # fill layers are drawn in the background
        yield
    document.refreshProjection()
    document.setModified(False)
    node = find(document, "thing")
    pixels = port.snapshot(key, [id_of(node)])[id_of(node)]
    found = [place(pixels), list(pixels.data[:4]), document.modified()]
    close(document)
    return found


@pytest.mark.parametrize("kind_name", ["group", "pass-through group", "clone"])
def test_every_kind_of_layer_is_read(krita, kind_name):
    where, first, modified = krita.call(read_kind, kind_name=kind_name)
    assert where == [10, 5, 20, 15, 4]
    assert first == [0, 0, 255, 255]
    assert not modified


def test_fill_layer_covers_the_canvas(krita):
    where, first, _ = krita.call(read_kind, kind_name="fill")
    assert (where, first) == ([0, 0, 60, 40, 4], [0, 0, 255, 255])


def read_file_layer(path):
    image = krita.QImage(20, 15, krita.QImage.Format.Format_ARGB32)
    image.fill(krita.QColor(255, 0, 0))
    image.save(path)
    document, key = new_document()
    node = add(document, document.createNode("thing", "filelayer"))
    filters = (
        ["Bicubic"] if hasattr(document, "createColorizeMask") else []
    )  # Krita 5.2 and later want it named
    node.setProperties(path, "None", *filters)
    for _ in range(200):
        yield
        pixels = port.snapshot(key, [id_of(node)])[id_of(node)]
        if pixels.data:
            break
    found = [place(pixels), list(pixels.data[:4])]
    close(document)
    return found


def test_file_layer_is_read(krita, tmp_path):
    found = krita.call(read_file_layer, path=str(tmp_path / "red.png"))
    assert found == [[0, 0, 20, 15, 4], [0, 0, 255, 255]]


def read_hidden():
    """A red layer in a hidden group, under a visible blue one, at half opacity."""
    document, key = new_document()
    group = add(document, document.createGroupLayer("group"))
    red = document.createNode("red", "paintlayer")
    fill(red, [0, 0, 255, 255], 10, 5, 20, 15)
    group.addChildNode(red, None)
    cover = document.createNode("cover", "paintlayer")
    fill(cover, [255, 0, 0, 255], 0, 0, 60, 40)
    add(document, cover)
    find(document, "red").setVisible(False)
    below = document.createNode("below", "paintlayer")
    fill(below, [0, 255, 0, 255], 0, 0, 8, 8)
    group.addChildNode(below, None)
    group.setVisible(False)
    group.setOpacity(128)
    document.setModified(False)
    ids = [id_of(group), id_of(find(document, "red"))]
    pixels = port.snapshot(key, ids)
    found = [[place(pixels[i]), list(pixels[i].data[:4])] for i in ids]
    found.append([group.visible(), find(document, "red").visible(), document.modified()])
    close(document)
    return found


def test_hidden_layers_are_read_and_stay_hidden(krita):
    group, red, state = krita.call(read_hidden)
    assert red == [[10, 5, 20, 15, 4], [0, 0, 255, 255]]
    assert state == [False, False, False]
    assert group == [[0, 0, 8, 8, 4], [0, 255, 0, 128]]


def read_masked():
    document, key = new_document()
    node = find(document, "Lines")
    fill(node, [0, 0, 255, 255], 0, 0, 60, 40)
    half = document.createSelectionMask("half")
    selection = Selection()
    selection.select(0, 0, 30, 40, 255)
    half.setSelection(selection)
    node.addChildNode(half, None)
    document.setSelection(selection)
    ids = [id_of(find(document, "half")), SELECTION_ID]
    pixels = port.snapshot(key, ids)
    found = [[place(pixels[i]), list(pixels[i].data[28:32])] for i in ids]
    close(document)
    return found


def test_masks_and_selection_are_one_byte_a_pixel(krita):
    for found in krita.call(read_masked):
        assert found == [[0, 0, 60, 40, 1], [255, 255, 0, 0]]


def read_transparent():
    document, key = new_document()
    empty = port.snapshot(key, [id_of(find(document, "Lines")), SELECTION_ID])
    node = find(document, "Lines")
    fill(node, [0, 255, 0, 255], -20, -10, 40, 30)
    outside = port.snapshot(key, [id_of(node)])[id_of(node)]
    found = [[place(p) for p in empty.values()], place(outside)]
    close(document)
    return found


def test_nothing_there_gives_nothing(krita):
    empty, outside = krita.call(read_transparent)
    assert empty == [[0, 0, 0, 0, 0]] * 2
    assert outside == [0, 0, 20, 20, 4]


def read_gone(what):
    document, key = new_document()
    layer = id_of(find(document, "Lines"))
    if what == "document":
        close(document)
    try:
        port.snapshot(key, [layer if what == "document" else "{no-such-layer}"])
    except LookupError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", ["document", "layer"])
def test_what_has_gone_is_said_in_a_sentence(krita, what):
    sentence = krita.call(read_gone, what=what)
    assert what.replace("document", "picture") in sentence
    assert sentence.endswith(".")


def count_documents():
    before = len(Krita.instance().documents())
    document, key = new_document("CMYKA U16")
    fill_layer = find(document, "Lines")
    for _ in range(3):
        port.snapshot(key, [id_of(fill_layer)])
    close(document)
    return [before, len(Krita.instance().documents())]


def test_conversions_leave_no_document_behind(krita):
    before, after = krita.call(count_documents)
    assert before == after
