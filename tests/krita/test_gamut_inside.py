"""A colour that is painted in a document of any colour space comes back as it was painted, whatever wrote it."""

import pytest

PAINTED = [[200, 160, 50], [200, 0, 250], [30, 60, 200], [128, 128, 128], [60, 10, 10], [250, 240, 220]]


def come_back(space, way):
    """R, G, B of colours that a brush painted, as the canvas shows them, and of the layer made of what was read."""
    drawing, key = new_document(space, len(PAINTED) * 10, 10)
    hints = find(drawing, "Lines")
    hints.setColorSpace(*SPACES["RGBA U8"])
    for number, (red, green, blue) in enumerate(PAINTED):
        fill(hints, (blue, green, red, 255), number * 10, 0, 10, 10)
    hints.setColorSpace(drawing.colorModel(), drawing.colorDepth(), drawing.colorProfile())
    drawing.refreshProjection()
    read = port.snapshot(key, [id_of(hints)])[id_of(hints)]
    before = [pixel(drawing, number * 10 + 5, 5)[2::-1] for number in range(len(PAINTED))]
    if way == "insert":
        port.insert_group(key, id_of(hints), NewGroup("Colorized", (NewLayer("Flats", read),), above=True))
    else:
        empty = NewLayer("Flats", solid([9, 9, 9, 255], drawing.width(), 10))
        port.insert_group(key, id_of(hints), NewGroup("Colorized", (empty,), above=True))
        port.replace_pixels(key, [(id_of(find(drawing, "Flats")), read)])
    hints.setVisible(False)
    drawing.refreshProjection()
    after = [pixel(drawing, number * 10 + 5, 5)[2::-1] for number in range(len(PAINTED))]
    close(drawing)
    return [before, after]


@pytest.mark.parametrize("way", ["insert", "replace"])
@pytest.mark.parametrize(
    ("space", "levels"),
    [
        ("RGBA U8", 0),
        ("RGBA U16", 0),
        ("RGBA F32", 0),
        ("GRAYA U8", 0),
        ("GRAYA U16", 1),
        ("LABA U16", 1),
        ("CMYKA U8", 1),
        ("CMYKA U16", 1),
    ],
)
def test_what_is_painted_comes_back(krita, space, levels, way):
    krita.call(f"PAINTED = {PAINTED}")
    before, after = krita.call(come_back, space=space, way=way)
    off = [max(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]
    assert max(off) <= levels, [before, after]


def write_many_colours():
    """A picture of more colours than are searched for, in CMYK: what is shown at both ends."""
    drawing, key = new_document("CMYKA U8", 600, 1)
    row = b"".join(bytes((x % 256, x // 256 * 80, 90, 255)) for x in range(600))
    layer = NewLayer("Colours", Pixels(600, 1, row))
    port.insert_group(key, id_of(find(drawing, "Lines")), NewGroup("Colorized", (layer,)))
    shown = [pixel(drawing, x, 0)[3] for x in (0, 599)]
    close(drawing)
    return shown


def test_pictures_of_many_colours_are_converted_as_krita_does(krita):
    assert krita.call(write_many_colours) == [255, 255]
