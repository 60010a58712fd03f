"""Flats also arrive as Krita's own Colorize Mask, filled and editable, and are left out where Krita has no way."""

import pytest

pytestmark = pytest.mark.krita

NO_WAY = "this Krita makes no Colorize Masks from scripts (5.2 and later do)"


def insert_with_key_strokes():
    """A box with a wall inside; a red, a blue and a clear mark, the blue one where two cells of key strokes meet. Gives
    the key of the document and the group's tree."""
    document, key = new_document(width=100, height=40)
    ink = find(document, "Lines")
    for x, y, width, height in ((5, 5, 90, 2), (5, 33, 90, 2), (5, 5, 2, 30), (93, 5, 2, 30), (50, 5, 2, 30)):
        fill(ink, [0, 0, 0, 255], x, y, width, height)
    marks = bytearray(100 * 40 * 4)
    for bgra, left in (([0, 0, 200, 255], 14), ([200, 0, 0, 255], 62), ([0, 0, 0, 128], 0)):
        for row in range(15, 20):
            start = (row * 100 + left) * 4
            marks[start : start + 16] = bytes(bgra) * 4
    layers = (
        NewLayer("Flats", solid([0, 90, 0, 255], 100, 40), role="figure"),
        key_stroke_layer(marks, 100, 40),
        NewLayer("Shading", solid([255, 255, 255, 255], 100, 40), blend="multiply", role="shading"),
    )
    before = digest(ink)
    group = port.insert_group(key, id_of(ink), NewGroup("Colorized", layers))
    return document, key, group, before == digest(find(document, "Lines"))


def make_colorize_mask():
    document, key, group, same = insert_with_key_strokes()
    mask = next((n for n, _ in wrappers.walk(document.rootNode()) if n.type() == "colorizemask"), None)
    names = tree(find(document, "Colorized"))
    found = {"can": port.colorize_masks, "names": names, "same": same, "hidden": pixel(document, 20, 20)}
    found["roles"] = [part.role for part in port.group_parts(key, group)]
    if mask is not None:
        strokes = [mask.keyStrokePixelData(one, 0, 0, 100, 40).data() for one in mask.keyStrokesColors()]
        found["marks"] = [stroke.count(b"\xff") for stroke in strokes]
        mask.parentNode().setVisible(True)
        for _ in range(2000):
            yield
            document.refreshProjection()
            found["filled"] = [pixel(document, x, 20) for x in (20, 80)]
            if found["filled"] == [[0, 0, 200, 255], [200, 0, 0, 255]]:
                break
        found["outside"] = list(mask.parentNode().projectionPixelData(1, 1, 1, 1).data())[3]
    close(document)
    return found


def close_before_the_fill():
    import time

    document = insert_with_key_strokes()[0]
    close(document)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        yield
    return document in wrappers.documents()


@pytest.fixture
def made(krita):
    krita.define(insert_with_key_strokes)
    return krita.call(make_colorize_mask)


def test_key_strokes_become_a_filled_mask(made):
    if not made["can"]:
        pytest.skip(NO_WAY)
    assert made["names"] == ["Flats", ["Colorize Mask", ["Colorize Mask"]], "Shading"]
    assert made["marks"] == [20, 20, 20]
    assert made["filled"] == [[0, 0, 200, 255], [200, 0, 0, 255]]
    assert made["outside"] == 0


def test_key_strokes_are_left_out_where_krita_has_no_way(made):
    if made["can"]:
        pytest.skip("this Krita makes Colorize Masks")
    assert made["names"] == ["Flats", "Shading"]


def test_key_strokes_are_not_shown_and_are_no_part_to_repair(made):
    assert made["hidden"] == [0, 90, 0, 255]
    assert made["roles"] == ["figure", "shading"]
    assert made["same"]


def test_document_can_be_closed_before_its_mask_is_filled(krita):
    krita.define(insert_with_key_strokes)
    assert not krita.call(close_before_the_fill)
