"""What "redo" means: the same request again, with the masks as they are now.

Masks come from three places: chosen in the docker, painted inside an applied result, or found by the engine. A mask
inside a result counts only once the artist has painted on it: otherwise the same request must give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from krita_colorize.core import layers as layer_lists
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import LayerInfo, Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.result import FOREGROUND_MASK_NAME, Result
from krita_colorize.core.settings import Settings


def with_newest_masks(request: Request, now: Settings, painted: str = "") -> Request:
    """The request with its sketch's masks of now; `painted` is the mask inside a result, where it counts."""
    old = request.settings
    masks = {reference.source: reference.mask for reference in now.references}
    references = tuple(replace(item, mask=masks.get(item.source, item.mask)) for item in old.references)
    return replace(
        request, settings=replace(old, references=references, sketch_mask=now.sketch_mask or painted)
    )


def mask_in_result(layers: Sequence[LayerInfo], request: Request, group_id: str) -> str:
    """The foreground mask inside the applied result, else the one inside an earlier result that the request used."""
    earlier = request.settings.sketch_mask
    own = layer_lists.painted_mask(layers, group_id)
    return own or (earlier if layer_lists.is_inside_result(layers, earlier) else "")


def was_painted(result: Result, mask: Pixels) -> bool:
    """Whether a mask read from the document differs from the one the result came with. Slow: for worker threads."""
    request = result.request
    for layer in result.layers():
        if layer.mask is not None and layer.mask_name == FOREGROUND_MASK_NAME:
            came = placed(layer.mask, 0, 0, request.width, request.height)
            return came.data != placed(mask, 0, 0, request.width, request.height).data
    return True
