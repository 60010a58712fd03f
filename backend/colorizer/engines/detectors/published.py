"""Published line and foreground detectors as models of the catalogue: recognition, conversion, inference.

Three networks are known: `line_extractor` (manga), `anime2sketch`, and `isnet`, with two sets of weights that cannot be
told apart by their tensors. They run on the CPU at their published sizes, once per picture. Engines decide when to use
them. They are optional: without them, the built-in methods find lines and foregrounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from colorizer.engines.foreground_background import resized
from colorizer.engines.models import Installed
from colorizer.errors import MissingModel, UnusableModel
from colorizer.imaging.masks import fit_mask
from colorizer.imaging.values import RGB

if TYPE_CHECKING:
    from torch import Tensor, nn

    from colorizer.engines.base import Mask

WEIGHTS = "finder.safetensors"
CARD = "finder.json"
LINES = "lines"
FOREGROUND = "figures"
DRAWINGS = "drawings"
"""Variant of the ISNet weights trained on line drawings; the other weights are for coloured pictures."""
LINE_SIDE = 512
"""Side of the square that pictures are squashed to for both line networks, as in the published program."""
FOREGROUND_SIDE = 1024
_PREFIXES = ("module.", "net.")
_TRAINING_ONLY = ("gt_encoder.", "module.gt_encoder.")


class Detector(str, Enum):
    """The known networks."""

    MANGA_LINES = "line_extractor"
    ANIME2SKETCH = "anime2sketch"
    ISNET = "isnet"

    @property
    def finds(self) -> str:
        """What it detects; this is the engine in its model card."""
        return FOREGROUND if self is Detector.ISNET else LINES


def published_names(keys: Iterable[str]) -> dict[str, str]:
    """Maps a file's tensor names to the network's names; tensors that only training needs are left out."""
    names = {}
    for key in keys:
        name = key
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        if not key.startswith(_TRAINING_ONLY):
            names[key] = name
    return names


def recognise(keys: Iterable[str]) -> Detector | None:
    """The network that a file contains, by its keys; None for another kind of file."""
    from colorizer.engines.detectors.anime2sketch import is_anime2sketch
    from colorizer.engines.detectors.isnet import is_isnet

    names = set(published_names(keys).values())
    if "block0.model.0.conv1.model.0.weight" in names:
        return Detector.MANGA_LINES
    if is_anime2sketch(names):
        return Detector.ANIME2SKETCH
    return Detector.ISNET if is_isnet(names) else None


def build(detector: Detector) -> nn.Module:
    """Builds a network in its published size, with random weights."""
    import torch

    from colorizer.engines.detectors.anime2sketch import Anime2Sketch
    from colorizer.engines.detectors.isnet import ISNet
    from colorizer.engines.detectors.manga_lines import LineExtractor

    kinds = {Detector.MANGA_LINES: LineExtractor, Detector.ANIME2SKETCH: Anime2Sketch, Detector.ISNET: ISNet}
    with torch.device("meta"):
        return kinds[detector]()


def convert(file: Path, folder: Path, variant: str = "") -> Detector:
    """Writes a published file as a model folder, with every tensor accounted for.

    Args:
        file: the published weights.
        folder: the model folder to write.
        variant: `DRAWINGS` for ISNet weights trained on line drawings.

    Raises:
        UnusableModel: the file is of another kind, or tensors are missing, superfluous or of another size.
    """
    from safetensors.torch import save_file

    from colorizer.engines.checkpoints import open_checkpoint

    with open_checkpoint(file) as checkpoint:
        names = published_names(checkpoint.shapes)
        detector = recognise(checkpoint.shapes)
        state = {name: checkpoint.load(key) for key, name in names.items()}
    if detector is None:
        raise UnusableModel(f"{file.name} is neither a line nor a foreground detector. Choose another file.")
    network = _filled(detector, state, file.name)
    folder.mkdir()
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / WEIGHTS)
    card = {"network": detector.value, "variant": variant if detector is Detector.ISNET else ""}
    (folder / CARD).write_text(json.dumps(card) + "\n", encoding="utf-8")
    return detector


def _filled(detector: Detector, state: Mapping[str, Tensor], name: str) -> nn.Module:
    """Loads a network's weights in float32. Counters of training batches may be missing, as in older files."""
    import torch

    network = build(detector)
    counts = {key for key in network.state_dict() if key.endswith("num_batches_tracked")}
    full = {key: torch.zeros((), dtype=torch.long) for key in counts}
    full |= {key: value if key in counts else value.float() for key, value in state.items()}
    try:
        network.load_state_dict(full, assign=True)
    except RuntimeError as error:
        raise UnusableModel(
            f"{name} isn't the published network: tensors are missing, superfluous or of another size. Download it"
            " again."
        ) from error
    return network.eval().requires_grad_(False)


class Detectors:
    """The installed detectors; each is loaded when it is first used. Tests pass `folder` as the models folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lines = Installed(LINES, "line finder", folder)
        self._foreground = Installed(FOREGROUND, "foreground detector", folder)
        self._read: dict[Path, tuple[Detector, nn.Module]] = {}
        self.asked: set[str] = set()
        """Names of the models that were used; callers clear it before a job."""

    def lines(self) -> Callable[[RGB], RGB] | None:
        """A function that detects lines, light on black, with the first installed line detector; None without one."""
        found = self._lines.find("")
        return None if found is None else lambda picture: self._find_lines(found, picture)

    def foreground(self, *, in_drawings: bool) -> Callable[[RGB], Mask] | None:
        """A function that detects the foreground, with the first detector for drawings or for pictures; or None."""
        for folder in self._foreground.folders():
            if (_variant(folder) == DRAWINGS) == in_drawings:
                return lambda picture, at=folder: self._find_foreground(at, picture, in_drawings)  # type: ignore[misc]
        return None

    def _find_lines(self, folder: Path, picture: RGB) -> RGB:
        import torch

        detector, network = self._network(folder)
        square = resized(picture, LINE_SIDE, LINE_SIDE)
        if detector is Detector.MANGA_LINES:
            lines = 255 - network.extract(square)  # type: ignore[operator] # not a method of nn.Module
        else:
            with torch.inference_mode():
                drawn = network(_to_tensor(square))[0, 0]
            lines = ((1 - drawn.clamp(-1, 1)) * 127.5).round().to(torch.uint8).numpy()
        whole = resized(np.asarray(lines), *picture.shape[:2])
        return np.repeat(whole[..., None], 3, axis=2)

    def _find_foreground(self, folder: Path, picture: RGB, in_drawings: bool) -> Mask:  # noqa: FBT001 - private
        import torch

        from colorizer.engines.detectors import foreground_masks

        _, network = self._network(folder)
        height, width = picture.shape[:2]
        scale = min(1.0, FOREGROUND_SIDE / max(height, width))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ask = foreground_masks.sketch_mask if in_drawings else foreground_masks.reference_mask
        with torch.inference_mode():
            found = ask(network, _to_tensor(small), FOREGROUND_SIDE)[0, 0]
        return fit_mask((found * 255).round().to(torch.uint8).numpy(), width, height)

    def _network(self, folder: Path) -> tuple[Detector, nn.Module]:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        self.asked.add(folder.name)
        if folder not in self._read:
            try:
                detector = Detector(_card(folder)["network"])
                self._read[folder] = (detector, _filled(detector, load_file(folder / WEIGHTS), folder.name))
            except (OSError, ValueError, KeyError, SafetensorError, UnusableModel) as error:
                raise MissingModel(
                    f"The model {folder.name} can't be read; one of its files may be damaged. Remove it, or install it"
                    " again."
                ) from error
        return self._read[folder]


def _card(folder: Path) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    return written


def _variant(folder: Path) -> str:
    try:
        return str(_card(folder).get("variant", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _to_tensor(picture: RGB) -> Tensor:
    """Converts a picture (H, W, 3) to (1, 3, H, W) in [-1, 1]."""
    import torch

    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    return (levels - 0.5) / 0.5
