"""Documents as artists have them, in 16 bit, grey and CMYK: the docker's own way, judged by the document's pixels."""

import numpy as np
import pytest
from artists_documents import SHEETS
from colorizer.imaging.pictures import read_picture, write_png
from skimage.color import deltaE_ciede2000, rgb2lab

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

SPACES = ["RGBA U16", "GRAYA U8", "CMYKA U8"]
RIGHT = 0.95
"""Share of the figure's pixels off the lines within CIEDE2000 10 of what Krita shows for the truth."""


def open_sheet(space, width, height, files):
    """Shows a document with white paper, the hidden layers Reference and Truth, and the sketch, a group where it has
    several layers; Sketch is chosen, Reference is its reference. Pictures come as sRGB, converted by Krita."""

    def layer(name, file, opacity=255):
        image = QImage(file).convertToFormat(QImage.Format.Format_ARGB32)
        node = made.createNode(name, "paintlayer")
        node.setColorSpace(*SPACES["RGBA U8"])
        data = image.constBits().asstring(image.sizeInBytes())
        node.setPixelData(data, 0, 0, image.width(), image.height())
        node.setColorSpace(made.colorModel(), made.colorDepth(), made.colorProfile())
        node.setOpacity(opacity)
        return node

    made, _ = new_document(space, width, height)
    for name in ("Reference", "Truth"):
        add(made, layer(name, files[name])).setVisible(False)
    add(made, layer("Paper", files["Paper"]))
    if len(files["Sketch"]) == 1:
        sketch = add(made, layer("Sketch", *files["Sketch"][0]))
    else:
        sketch = add(made, made.createGroupLayer("Sketch"))
        for number, (file, opacity) in enumerate(files["Sketch"]):
            sketch.addChildNode(layer(f"Part {number}", file, opacity), None)
    made.refreshProjection()
    yield from show(made)
    made.setActiveNode(sketch)
    yield from until(lambda: session().document is not None and len(session().document.layers) > 3)
    model = session().document
    model.choose_sketch(id_of(sketch))
    session().references.add_layer(model, next(one for one in model.layers if one.name == "Reference"))
    yield from ticks(5)
    return [digest(node, width, height) for node, _ in wrappers.walk(sketch)]


def colour():
    """Presses Colorize and Apply; what the docker says if it doesn't work."""
    session().colorize()
    yield from until(lambda: bool(session().document.results) or bool(session().error), 200)
    if not session().document.results:
        return session().error
    yield from until(lambda: session().job is None)
    session().apply()
    yield from until(lambda: group() is not None)
    document().waitForDone()
    return session().error


def save(shown, truth):
    """Saves what Krita shows, and then the truth alone; returns digests of the sketch's layers."""
    opened = document()
    size = 0, 0, opened.width(), opened.height()
    opened.refreshProjection()
    opened.projection(*size).save(shown)
    digests = [digest(node, *size[2:]) for node, _ in wrappers.walk(find(opened, "Sketch"))]
    for node in wrappers.children(opened.rootNode()):
        node.setVisible(node.name() == "Truth")
    opened.refreshProjection()
    opened.projection(*size).save(truth)
    opened.waitForDone()
    yield from ticks(20)  # Krita 6 may crash when a picture is closed while its layers' thumbnails are drawn
    return digests


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", SHEETS)
def test_document_is_coloured_right(emptied, tmp_path, name, space):
    krita, sheet = emptied, SHEETS[name]()
    pictures = {"Reference": sheet.reference, "Truth": sheet.truth, "Paper": np.full_like(sheet.truth, 255)}
    pictures |= {f"Sketch {number}": layer.picture for number, layer in enumerate(sheet.layers)}
    for title, picture in pictures.items():
        write_png(tmp_path / f"{title}.png", picture)
    files = {title: str(tmp_path / f"{title}.png") for title in ("Reference", "Truth", "Paper")}
    files["Sketch"] = [
        [str(tmp_path / f"Sketch {n}.png"), layer.opacity] for n, layer in enumerate(sheet.layers)
    ]
    height, width = sheet.labels.shape
    before = krita.call(open_sheet, space=space, width=width, height=height, files=files)
    assert krita.call(colour, timeout_s=280) == ""
    shown, truth = tmp_path / "shown.png", tmp_path / "truth.png"
    assert krita.call(save, shown=str(shown), truth=str(truth)) == before
    got, right = (read_picture(file)[..., :3][sheet.judged] / 255 for file in (shown, truth))
    near = deltaE_ciede2000(rgb2lab(got), rgb2lab(right)) < 10
    assert near.mean() >= RIGHT
