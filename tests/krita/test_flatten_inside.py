"""What the backend says a group of layers looks like is what Krita shows: the two flatten alike."""

import base64

import numpy as np
import pytest
from colorizer.engines.base import Blend, Layer, Role
from colorizer.imaging.layers import flatten

pytestmark = pytest.mark.krita

WIDTH, HEIGHT = 96, 64
KRITA_BLENDS = {
    Blend.NORMAL: "normal",
    Blend.MULTIPLY: "multiply",
    Blend.SCREEN: "screen",
    Blend.ADDITION: "add",
}


def random_layer(rng, name, role, **options):
    """A layer of random colours and alpha, smaller than the canvas and placed somewhere on it."""
    height, width = int(rng.integers(30, HEIGHT)), int(rng.integers(40, WIDTH))
    pixels = rng.integers(0, 256, (height, width, 4)).astype(np.uint8)
    if options.pop("opaque", False):
        pixels[..., 3] = 255
    mask = rng.integers(0, 256, (height, width)).astype(np.uint8) if options.pop("masked", False) else None
    x, y = int(rng.integers(0, WIDTH - width + 1)), int(rng.integers(0, HEIGHT - height + 1))
    return Layer(name, role, pixels, x, y, mask=mask, mask_name="mask", **options)


def result(seed):
    rng = np.random.default_rng(seed)
    return (
        random_layer(rng, "Background", Role.BACKGROUND, opaque=True, masked=True),
        random_layer(rng, "Flats", Role.FOREGROUND, masked=True),
        random_layer(rng, "Shading", Role.SHADING, blend=Blend.MULTIPLY, opacity=0.6, clip=True),
        random_layer(rng, "Light", Role.LIGHT, blend=Blend.SCREEN, clip=True),
        random_layer(rng, "Glow", Role.LIGHT, blend=Blend.ADDITION, opacity=0.4, clip=True),
    )


def as_arguments(layer):
    bgra = np.ascontiguousarray(layer.pixels[..., [2, 1, 0, 3]])
    return {
        "name": layer.name,
        "place": [layer.x, layer.y, layer.pixels.shape[1], layer.pixels.shape[0]],
        "pixels": base64.b64encode(bgra.tobytes()).decode(),
        "mask": None if layer.mask is None else base64.b64encode(layer.mask.tobytes()).decode(),
        "options": {"blend": KRITA_BLENDS[layer.blend], "opacity": layer.opacity, "clip": layer.clip},
    }


def flatten_in_krita(layers, width, height):
    import base64

    document, key = new_document(width=width, height=height)
    made = []
    for layer in layers:
        x, y, w, h = layer["place"]
        shown = None if layer["mask"] is None else Pixels(w, h, base64.b64decode(layer["mask"]), x, y)
        pixels = Pixels(w, h, base64.b64decode(layer["pixels"]), x, y)
        made.append(NewLayer(layer["name"], pixels, mask=shown, mask_name="mask", **layer["options"]))
    port.insert_group(key, id_of(find(document, "Lines")), NewGroup("Colorized", tuple(made), above=True))
    data = document.pixelData(0, 0, width, height).data()
    close(document)
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_krita_shows_what_the_backend_flattens(krita, seed):
    layers = result(seed)
    answer = krita.call(
        flatten_in_krita, layers=[as_arguments(a) for a in layers], width=WIDTH, height=HEIGHT
    )
    shown = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(HEIGHT, WIDTH, 4)[..., [2, 1, 0, 3]]
    ours = flatten(layers, WIDTH, HEIGHT)
    premultiplied = [p[..., :3].astype(float) * p[..., 3:] / 255 for p in (shown, ours)]
    difference = np.abs(premultiplied[0] - premultiplied[1]).max(2)
    assert np.abs(shown[..., 3].astype(int) - ours[..., 3]).max() <= 1
    assert np.mean(difference <= 1.5) >= 0.997, "8-bit rounding of five half-clear layers"
    assert difference.max() <= 4
