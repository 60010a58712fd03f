"""The ghosts of other frames are never in what is read: not from an animated layer, not from a group with one."""

import pytest

pytestmark = pytest.mark.krita


def read_frames(folder, inside):
    """A square at three places, a frame each, with onion skins; what is read of the middle frame, and what Krita shows
    with the ghosts: the left and right of the opaque pixels."""
    import kra

    frames = {}
    for time, x in ((0, 4), (5, 24), (10, 44)):
        row = bytes(4 * x) + bytes((0, 0, 0, 255)) * 8 + bytes(4 * (56 - x))
        frames[time] = bytes(64 * 4 * 20) + row * 8 + bytes(64 * 4 * 36)
    kra.write(f"{folder}/onion.kra", 64, 64, [kra.Layer("Frames", frames, onion_skin=True)])
    document = Krita.instance().openDocument(f"{folder}/onion.kra")
    key, node = port.documents.key(document), find(document, "Frames")
    document.setCurrentTime(5)
    document.waitForDone()
    if inside:
        group = document.createGroupLayer("Group")
        document.rootNode().addChildNode(group, None)
        node.remove()
        group.addChildNode(node, None)
        node = group
    document.refreshProjection()
    document.waitForDone()
    shown = extent(node.projectionPixelData(0, 0, 64, 64).data(), 64)
    found = port.snapshot(key, [id_of(node)])[id_of(node)]
    at_ten = port.snapshot_frame(key, id_of(node), 10)
    spans = [
        [pixels.x + extent(pixels.data, pixels.width)[0], pixels.x + extent(pixels.data, pixels.width)[1]]
        for pixels in (found, at_ten)
    ]
    close(document)
    return [shown, *spans]


def extent(data, width):
    """The first and the last column that holds anything."""
    alpha = bytes(data)[3::4]
    columns = [x for x in range(width) if any(alpha[x::width])]
    return [columns[0], columns[-1]]


@pytest.mark.parametrize("inside", [False, True], ids=["layer", "group"])
def test_ghosts_are_not_read(krita, tmp_path, inside):
    krita.define(extent)
    shown, now, later = krita.call(read_frames, folder=str(tmp_path), inside=inside)
    assert [now, later] == [[24, 31], [44, 51]]
    if inside:
        assert shown[1] - shown[0] > 8  # Krita itself shows ghosts there
