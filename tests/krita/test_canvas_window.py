"""The canvas is resized, cropped, turned, mirrored and scaled under results, in Krita's window."""

import pytest
from window_steps import open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

PLACES = {"roof": (120, 70), "wall": (80, 150), "door": (120, 200), "sun": (208, 33), "sky": (20, 20)}

CHANGES = {
    # what is done, the size of the canvas afterwards, where a place of the former one is
    "offset": ("resizeImage", (-40, -30, 320, 300), (320, 300), lambda x, y: (x + 40, y + 30)),
    "crop": ("resizeImage", (10, 10, 225, 224), (225, 224), lambda x, y: (x - 10, y - 10)),
    "turn": ("rotateImage", (1.5707963267948966,), (240, 240), lambda x, y: (239 - y, x)),
    "mirror": ("mirrorImageHorizontal", (), (240, 240), lambda x, y: (239 - x, y)),
    "scale": ("scaleImage", (360, 360, 72, 72, "Bicubic"), (360, 360), lambda x, y: (x * 3 // 2, y * 3 // 2)),
}


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


def change(name, arguments):
    """Changes the canvas; waits until the result has followed or that it can't is told."""
    item, before = session().document.results[0], session().document.results[0].result
    if arguments:
        getattr(document(), name)(*arguments)
    else:
        trigger(name)
    document().waitForDone()
    yield from until(lambda: item.result is not before or item.lost, 60)
    yield from until(lambda: item.lost or docker_state()["overlay"], 20)
    request = item.result.request
    return {"size": [request.width, request.height], "lost": item.lost, "error": session().error}


def apply():
    session().apply()
    yield from until(lambda: group() is not None or bool(session().error), 60)
    document().waitForDone()
    yield from ticks(20)
    return session().error


def shown(places):
    """What the applied layers show at these places, BGRA: of each the first layer that its mask doesn't hide there."""
    layers = [node for node, _ in wrappers.walk(group()) if node.type() == "paintlayer"]
    found = {}
    for name, (x, y) in places.items():
        seen = [
            node
            for node in layers
            if all(
                mask.pixelData(x, y, 1, 1).data() != b"\0"
                for mask in node.childNodes()
                if mask.type() == "transparencymask"
            )
        ]
        pixels = [list(node.pixelData(x, y, 1, 1).data()) for node in seen]
        found[name] = next((pixel for pixel in pixels if pixel[3]), None)
    return found


def previewed(places):
    """What the overlay on the canvas and the thumbnail show at these places: R, G, B."""
    overlay, item = widget("colorize_overlay"), session().document.results[0]
    images = [overlay._image] if overlay is not None and overlay.isVisible() else []
    found = []
    for image in [*images, item.thumbnail]:
        wide, high = image.width() / document().width(), image.height() / document().height()
        colours = {k: image.pixelColor(int(x * wide), int(y * high)) for k, (x, y) in places.items()}
        found.append({k: [c.red(), c.green(), c.blue()] for k, c in colours.items()})
    return found


def back(steps):
    """Undoes so many steps; waits until the result lies as it was made."""
    item = session().document.results[0]
    for _ in range(steps):
        trigger("edit_undo")
        document().waitForDone()
        yield from ticks(10)
    yield from until(lambda: item.result.placement is None and not item.lost, 60)
    return [document().width(), document().height(), item.result.placement is None]


def ink_digest():
    return digest(find(document(), "Ink"), 400, 400)


@pytest.fixture
def coloured(emptied):
    """A result, not applied yet, and what it looks like applied."""
    emptied.call(open_it)
    assert emptied.call(colour, timeout_s=150) == ""
    emptied.define(apply)
    return emptied


def test_results_follow_the_canvas(coloured):
    krita = coloured
    assert krita.call(apply, timeout_s=90) == ""
    right = krita.call(shown, places=PLACES)
    assert len({tuple(colour[:3]) for colour in right.values()}) >= 4
    krita.call(back, steps=1, timeout_s=90)
    for name, (action, arguments, size, way) in CHANGES.items():
        found = krita.call(change, name=action, arguments=arguments, timeout_s=90)
        assert found == {"size": list(size), "lost": False, "error": ""}, name
        places = {key: way(*place) for key, place in PLACES.items()}
        seen = krita.call(previewed, places=places)
        assert len(seen) == 2, name  # the overlay is back, and the thumbnail
        for picture in seen:
            for key in ("roof", "wall", "door", "sun"):  # the sky is under the flats' mask
                wanted = right[key][2::-1]
                worst = max(abs(a - b) for a, b in zip(picture[key], wanted, strict=True))
                assert worst <= 40, (name, key, picture)
        ink = krita.call(ink_digest)
        assert krita.call(apply, timeout_s=90) == ""
        assert krita.call(shown, places=places) == right, name
        assert krita.call(ink_digest) == ink
        assert krita.call(back, steps=2, timeout_s=90) == [240, 240, True], name


def dot(x, y, rgb, wide, high):
    """A dot on a new layer of hints."""
    model = session().document
    session().job_requests.make_hints(model)
    yield from until(lambda: bool(model.settings.hints), 60)
    yield from until(lambda: document().activeNode().name() == "Colour hints", 60)
    fill(document().activeNode(), (*rgb[::-1], 255), x, y, wide, high)
    document().refreshProjection()
    yield from ticks(30)


def redo():
    item = session().document.results[0]
    changes = item.changes
    session().redo()
    yield from until(lambda: item.changes > changes or bool(session().error), 120)
    yield from until(lambda: session().job is None)
    yield from ticks(20)
    return session().error


def test_redo_follows_the_canvas(coloured):
    krita = coloured
    assert krita.call(apply, timeout_s=90) == ""
    right = krita.call(shown, places=PLACES)
    action, arguments, size, way = CHANGES["offset"]
    assert krita.call(change, name=action, arguments=arguments, timeout_s=90)["size"] == list(size)
    x, y = way(204, 30)
    krita.call(dot, x=x, y=y, rgb=(200, 0, 250), wide=6, high=6, timeout_s=90)
    assert krita.call(redo, timeout_s=150) == ""
    places = {key: way(*place) for key, place in PLACES.items()}
    found = krita.call(shown, places=places)
    assert found.pop("sun") == [250, 0, 200, 255]
    assert found == {key: value for key, value in right.items() if key != "sun"}


def test_what_cannot_be_followed_is_told(coloured):
    krita = coloured
    found = krita.call(change, name="rotateImage", arguments=(0.5,), timeout_s=90)
    assert found["lost"]
    assert "Colour again" in found["error"]
    assert "Colour again" in krita.call(apply, timeout_s=90)
    assert not krita.call(has_group)


def has_group():
    return group() is not None
