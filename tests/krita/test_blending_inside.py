"""A blend mode looks in every colour space as in sRGB, whatever this Krita calls it there."""

import pytest

pytestmark = pytest.mark.krita

SPACES = ["RGBA U8", "RGBA U16", "GRAYA U8", "CMYKA U8", "CMYKA U16"]


def blended(space, blend):
    """White, grey and black, and a layer of one grey blended with them; all as Krita shows them, and that grey."""
    document, key = new_document(space, 4, 1)
    tones = b"".join(bytes([tone] * 3 + [255]) for tone in (255, 160, 0, 0))
    below = port.insert_layer(key, id_of(find(document, "Lines")), NewLayer("Below", Pixels(4, 1, tones)))
    document.refreshProjection()
    before = [pixel(document, x, 0)[1] for x in range(3)]
    grey = solid([100, 100, 100, 255], 4, 1)
    port.insert_layer(key, below, NewLayer("Above", grey, blend=blend))
    document.refreshProjection()
    after = [pixel(document, x, 0)[1] for x in range(3)]
    find(document, "Above").setBlendingMode("normal")
    document.refreshProjection()
    alone = pixel(document, 0, 0)[1]
    close(document)
    return before, after, alone


@pytest.mark.parametrize("space", SPACES)
def test_multiply_darkens_all_but_black(krita, space):
    before, after, grey = krita.call(blended, space=space, blend="multiply")
    assert abs(after[0] - grey) <= 2
    assert after[1] < before[1] - 20
    assert after[2] <= before[2] + 2


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("blend", ["screen", "add"])
def test_screen_and_add_lighten_all_but_white(krita, space, blend):
    before, after, grey = krita.call(blended, space=space, blend=blend)
    assert after[0] >= before[0] - 2
    assert after[1] > before[1] + 10
    assert after[2] > before[2] + 10
    assert blend == "screen" or after[1] >= grey
