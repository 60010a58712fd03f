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


def converted_colours(first):
    """Whether Krita leaves 2^22 colours as they are when it converts them from one profile that means sRGB to another;
    how many profiles there are."""
    from array import array

    from krita_colorize.krita_port.scratch import SRGB_PROFILES

    there = [name for name in Krita.instance().profiles("RGBA", "U8") if name in SRGB_PROFILES]
    drawing, _ = new_document(width=2048, height=2048)
    data = array("I", range(0xFF000000 + first, 0xFF000000 + first + 2**22)).tobytes()
    same = True
    for start in there:
        for end in there:
            node = drawing.createNode("colours", "paintlayer")
            node.setColorSpace("RGBA", "U8", start)
            node.setPixelData(data, 0, 0, 2048, 2048)
            node.setColorSpace("RGBA", "U8", end)
            same = same and node.pixelData(0, 0, 2048, 2048).data() == data
    close(drawing)
    return [len(there), same]


@pytest.mark.parametrize("quarter", range(4))
def test_profiles_that_mean_srgb_convert_no_colour(krita, quarter):
    count, same = krita.call(converted_colours, first=quarter * 2**22, timeout_s=120)
    assert count >= 2
    assert same
