"""A group with animated layers is coloured frame by frame: its keyframes, its looks, a new layer with all of them."""

import pytest

pytestmark = pytest.mark.krita


def dot(x):
    """A black square of 8 px in a row of 64."""
    row = bytes(4 * x) + bytes((0, 0, 0, 255)) * 8 + bytes(4 * (56 - x))
    return bytes(64 * 4 * 20) + row * 8 + bytes(64 * 4 * 36)


def open_group(folder, times):
    """A group of two animated layers with keyframes at these times; the document, its key and the group."""
    import kra

    layers = [
        kra.Layer(name, {time: dot(4 * number + time) for time in those}, onion_skin=True)
        for number, (name, those) in enumerate(times.items())
    ]
    kra.write(f"{folder}/group.kra", 64, 64, layers)
    document = Krita.instance().openDocument(f"{folder}/group.kra")
    document.rootNode().addChildNode(document.createGroupLayer("Group"), None)
    group = find(document, "Group")
    for name in times:
        node = find(document, name)
        node.remove()
        group.addChildNode(node, None)
    document.refreshProjection()
    document.waitForDone()
    return document, port.documents.key(document), group


def colour_frames(folder):
    """The keyframes of the group, what is read at each, and what the new layer shows."""
    document, key, group = open_group(folder, {"Body": (0, 20, 40), "Eyes": (0, 40)})
    times = list(port.frame_times(key, id_of(group)))
    read = {time: port.snapshot_frame(key, id_of(group), time) for time in times}
    frames = [Frame(time, solid([time, 0, 200, 255], 64, 64)) for time in times]
    made = port.insert_animated_layer(key, id_of(group), NewGroup("Colours", ()), frames)
    new = find(document, "Colours")
    shown = [new.pixelDataAtTime(5, 5, 1, 1, time).data()[0] for time in times]
    found = [times, [spans(pixels) for pixels in read.values()], list(port.frame_times(key, made)), shown]
    close(document)
    return found


def spans(pixels):
    """The columns of the canvas that hold anything, as ranges."""
    alpha = bytes(pixels.data)[3::4]
    filled = [pixels.x + x for x in range(pixels.width) if any(alpha[x :: pixels.width])]
    starts = [x for x in filled if x - 1 not in filled]
    return [[x, next(end for end in range(x, 65) if end not in filled) - 1] for x in starts]


def frames_of_two(folder):
    document, key, group = open_group(folder, {"Body": (0, 20), "Eyes": (0, 40)})
    times = list(port.frame_times(key, id_of(group)))
    close(document)
    return times


@pytest.fixture
def krita(krita):
    krita.call("from krita_colorize.core.port import Frame")
    for helper in (dot, open_group, spans):
        krita.define(helper)
    return krita


def test_a_group_is_coloured_frame_by_frame(krita, tmp_path):
    times, read, made, shown = krita.call(colour_frames, folder=str(tmp_path))
    assert times == made == [0, 20, 40]
    assert read == [[[0, 11]], [[4, 11], [20, 27]], [[40, 51]]]
    assert shown == times


def test_no_frames_where_no_layer_has_all_keyframes(krita, tmp_path):
    assert krita.call(frames_of_two, folder=str(tmp_path)) == []
