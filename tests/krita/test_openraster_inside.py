"""OpenRaster files open in Krita with the group, the blend modes and the opacities they were written with."""

import numpy as np
import pytest
from colorizer.engines.base import Blend, Layer, Role
from colorizer.imaging.openraster import write_openraster

pytestmark = pytest.mark.krita


def solid_layer(name, colour, **options):
    return Layer(name, Role.FOREGROUND, np.full((40, 60, 4), colour, np.uint8), **options)


@pytest.fixture
def written(tmp_path):
    sketch = np.zeros((40, 60, 4), np.uint8)
    sketch[10:12] = (10, 20, 30, 255)
    layers = (
        solid_layer("Background", (200, 0, 0, 255)),
        solid_layer(
            "Flats", (0, 0, 200, 255), mask=np.repeat([[255] * 30 + [0] * 30], 40, 0).astype(np.uint8)
        ),
        solid_layer("Shading", (128, 128, 128, 255), blend=Blend.MULTIPLY, opacity=0.5),
        solid_layer("Light", (20, 20, 20, 255), blend=Blend.ADDITION),
        solid_layer("Glow", (10, 10, 10, 255), blend=Blend.SCREEN),
    )
    path = tmp_path / "result.ora"
    write_openraster(path, layers, sketch, name="Colorized · test")
    return path


def open_file(path):
    document = Krita.instance().openDocument(path)
    nodes = {n.name(): n for n, _ in wrappers.walk(document.rootNode())}
    colour = nodes["Flats"].pixelData(5, 5, 1, 1).data()
    found = {
        "tree": tree(document.rootNode()),
        "blends": {name: node.blendingMode() for name, node in nodes.items()},
        "opacity": nodes["Shading"].opacity(),
        "lines": list(nodes["Lines"].pixelData(5, 10, 1, 1).data()),
        "flats": [list(colour), list(nodes["Flats"].pixelData(45, 5, 1, 1).data())[3]],
    }
    close(document)
    return found


def test_openraster_opens_with_everything_intact(krita, written):
    found = krita.call(open_file, path=str(written))
    names = ["Background", "Flats", "Shading", "Light", "Glow"]
    assert found["tree"] == [["Colorized · test", names], "Lines"]
    assert [found["blends"][n] for n in names] == ["normal", "normal", "multiply", "add", "screen"]
    assert found["opacity"] in (127, 128)
    assert found["lines"] == [30, 20, 10, 255]
    assert found["flats"] == [[200, 0, 0, 255], 0]
