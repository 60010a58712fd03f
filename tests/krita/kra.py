"""Writes .kra files with animated layers, so that a test has keyframes at once.

Krita's own `importAnimation` now and then ends in a segmentation fault (5.1.5, without this plugin, too): it can't be
what a test stands on. Pictures are BGRA bytes of the canvas's size.
"""

import zipfile
from dataclasses import dataclass
from uuid import uuid4

from krita_colorize.krita_port.builder import TEMPLATE

TILE = 64
CLEAR = bytes(4)


@dataclass(frozen=True)
class Layer:
    """A paint layer; one picture at time 0 makes a still layer, several an animated one."""

    name: str
    frames: dict[int, bytes]
    visible: bool = True
    onion_skin: bool = False


def write(path, width, height, layers):
    """Writes a document of these layers, bottom to top."""
    entries, blobs, profile = [], {}, zipfile.ZipFile(TEMPLATE).read("template/layers/layer2.icc")
    for number, layer in enumerate(layers):
        file = f"layer{number}"
        names = {time: f"{file}.f{time}" if time else file for time in layer.frames}
        for time, picture in layer.frames.items():
            blobs[names[time]] = _tiles(picture, width, height)
            blobs[names[time] + ".defaultpixel"] = CLEAR
        blobs[f"{file}.icc"] = profile
        keyframes = ""
        if len(layer.frames) > 1:
            blobs[f"{file}.keyframes.xml"] = _keyframes(names).encode()
            keyframes = f' keyframes="{file}.keyframes.xml"'
        entries.append(
            f'<layer name="{layer.name}" filename="{file}" nodetype="paintlayer" uuid="{{{uuid4()}}}"'
            f' visible="{int(layer.visible)}" opacity="255" compositeop="normal" colorspacename="RGBA" x="0" y="0"'
            f' channelflags="" channellockflags="" collapsed="0" colorlabel="0" intimeline="1" locked="0"'
            f' onionskin="{int(layer.onion_skin)}"{keyframes}/>'
        )
    document = _DOCUMENT.format(width=width, height=height, layers="".join(reversed(entries)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/x-kra")
        archive.writestr("maindoc.xml", document)
        for name, content in blobs.items():
            archive.writestr(f"drawing/layers/{name}", content)


_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE DOC PUBLIC '-//KDE//DTD krita 2.0//EN' 'http://www.calligra.org/DTD/krita-2.0.dtd'>
<DOC xmlns="http://www.calligra.org/DTD/krita" editor="Krita" syntaxVersion="2.0" kritaVersion="5.1.5">
 <IMAGE mime="application/x-kra" name="drawing" description="" width="{width}" height="{height}" x-res="72" y-res="72"
  colorspacename="RGBA" profile="sRGB-elle-V2-srgbtrc.icc">
  <layers>{layers}</layers>
  <animation><framerate value="24" type="value"/><range from="0" to="100" type="timerange"/>
   <currentTime value="0" type="value"/></animation>
 </IMAGE>
</DOC>
"""


def _keyframes(names):
    frames = "".join(
        f'<keyframe color-label="0" time="{time}" frame="{name}"><offset x="0" y="0" type="point"/></keyframe>'
        for time, name in names.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<keyframes xmlns="http://www.calligra.org/DTD/krita-keyframes">'
        f'<channel name="content">{frames}</channel></keyframes>'
    )


def _tiles(picture, width, height):
    """A picture as Krita stores it: squares of 64 px, a byte 0 (not compressed) before each one's pixels."""
    parts = []
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            rows = [_row(picture, width, height, left, y) for y in range(top, top + TILE)]
            parts.append(f"{left},{top},LZF,{TILE * TILE * 4 + 1}\n".encode() + b"\0" + b"".join(rows))
    head = f"VERSION 2\nTILEWIDTH {TILE}\nTILEHEIGHT {TILE}\nPIXELSIZE 4\nDATA {len(parts)}\n"
    return head.encode() + b"".join(parts)


def _row(picture, width, height, left, y):
    if y >= height:
        return CLEAR * TILE
    end = min(left + TILE, width)
    return picture[(y * width + left) * 4 : (y * width + end) * 4].ljust(TILE * 4, b"\0")
