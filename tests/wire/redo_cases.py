"""Made-up repairs, for hashes: a result in many states, what the artist did since, and what an engine makes of it.

Everything follows from a case's number. `Case.fresh` stands for the engine: what it gives depends on the mask, hints
and bindings that it is handed, as a real engine's result does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from colorizer.engines.base import Check, ColorizeRequest, Layer, Place, PlaceKind, Result, Role
from numpy.typing import NDArray

from krita_colorize.core import bundle as bundles
from krita_colorize.core.bundle import Blob
from krita_colorize.core.edits import Binding
from krita_colorize.core.port import Pixels
from krita_colorize.core.repair import Seen, State
from krita_colorize.core.request import Pictures, Request
from krita_colorize.core.result import Result as DockerResult
from krita_colorize.core.saved_results import Base
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

W, H = 48, 40
SOURCE = Source(SourceKind.LAYER, "{1}", "Ink")
Picture = NDArray[np.uint8]


def pixels_of(picture: Picture, x: int = 0, y: int = 0) -> Pixels:
    return Pixels(picture.shape[1], picture.shape[0], picture.tobytes(), x, y)


@dataclass
class Case:
    """One repair; `chance` gives everything else."""

    number: int

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.number)
        self.roles = [["figure"], ["background"], ["background", "figure"]][self.number % 3]
        self.masked = {role: self._coin(0.7) for role in self.roles}
        self.key_strokes = self._coin(0.3)
        self.checked = self._coin(0.6)
        self.sketch = self._sketch()
        self.bindings = [
            Binding(int(self.chance.integers(0, W)), int(self.chance.integers(0, H)), "{1}", 1, 1)
            for _ in range(3)
        ]
        self.chosen = self._mask() if self._coin(0.4) else None
        self.hints = self._hints() if self._coin(0.4) else None
        self.references = ((pixels_of(self._picture(6, 5)), pixels_of(self._mask(6, 5))),)
        self.states = [self._state() for _ in range(1 + int(self.chance.integers(0, 3)))]
        self.request = Request(
            SOURCE, W, H, Settings(references=(Reference(SOURCE),), bindings=tuple(self._some_bindings()))
        )
        self.pictures = Pictures(
            self.sketch if self._coin(0.8) else self._sketch(),
            self._painted(self.chosen, 0.5) if self._coin(0.8) else None,
            self.references if self._coin(0.9) else ((self.references[0][0], None),),
            hints=self._hints() if self._coin(0.3) else self.hints,
        )
        self.seen = self._seen()
        self.selection = self._mask() if self._coin(0.4) else None

    def _coin(self, share: float) -> bool:
        return bool(self.chance.random() < share)

    def _picture(self, width: int = W, height: int = H) -> Picture:
        colours = self.chance.integers(0, 256, (4, 4), np.uint8)
        colours[:, 3] = (255, 255, 0, 128)
        return colours[self.chance.integers(0, 4, (height, width))]

    def _flat(self) -> Picture:
        colours = self.chance.integers(0, 256, (3, 4), np.uint8)
        colours[:, 3] = (255, 255, 0)
        small = self.chance.integers(0, 3, (5, 6))
        return np.ascontiguousarray(colours[small.repeat(8, 0).repeat(8, 1)])

    def _sketch(self) -> Pixels:
        picture = np.zeros((H, W, 4), np.uint8)
        if self._coin(0.9):
            picture[::8, :, 3] = picture[:, ::12, 3] = 255
        return pixels_of(picture)

    def _mask(self, width: int = W, height: int = H) -> Picture:
        values = np.array([0, 255, 255, 90, 128, 200], np.uint8)
        small = values[self.chance.integers(0, 6, (height // 4 + 1, width // 4 + 1))]
        return np.ascontiguousarray(small.repeat(4, 0).repeat(4, 1)[:height, :width])

    def _hints(self) -> Pixels:
        x, y = int(self.chance.integers(-3, W - 4)), int(self.chance.integers(-3, H - 4))
        return pixels_of(self._picture(7, 6), x, y)

    def _painted(self, mask: Picture | None, share: float = 0.8) -> Pixels | None:
        """A mask with a stroke on it, most often."""
        if mask is None:
            return pixels_of(self._mask()) if self._coin(0.3) else None
        painted = mask.copy()
        if self._coin(share):
            x, y = int(self.chance.integers(0, W - 6)), int(self.chance.integers(0, H - 6))
            painted[y : y + 5, x : x + 6] = self.chance.choice([0, 255])
        return pixels_of(painted)

    def _some_bindings(self) -> list[Binding]:
        return [binding for binding in self.bindings if self._coin(0.7)]

    def _box(self) -> tuple[slice, slice]:
        if self._coin(0.6):
            return slice(0, H), slice(0, W)
        x, y = int(self.chance.integers(0, 9)), int(self.chance.integers(0, 9))
        return slice(y, H - 3), slice(x, W - 2)

    def _state(self) -> State:
        blobs = [Blob(bundles.Format.PNG, 1, 1, b"png")]
        entries = []
        for role in [*self.roles, "shading", *(["key_strokes"] if self.key_strokes else [])]:
            rows, columns = self._box() if role != "key_strokes" else (slice(0, H), slice(0, W))
            picture = self._flat() if role in self.roles else self._picture()
            entry = {"name": role, "role": role, "blob": len(blobs), "x": columns.start, "y": rows.start}
            blobs.append(Blob.from_pixels(pixels_of(np.ascontiguousarray(picture[rows, columns]))))
            entry |= {"blend": "normal", "opacity": 1.0, "clip": False, "mask": None}
            if self.masked.get(role):
                entry["mask"] = {"blob": len(blobs), "name": "Mask"}
                blobs.append(Blob.from_pixels(pixels_of(np.ascontiguousarray(self._mask()[rows, columns]))))
            entries.append(entry)
        header = {"preview": 0, "layers": entries, "record": {"report": {"palette": ["#000000"]}}}
        if self.checked:
            place = {"kind": "doubtful", "x": 3, "y": 4, "width": 9, "height": 5, "confidence": 0.25}
            header["check"] = {"mask": {"blob": len(blobs)}, "places": [place, {**place, "x": 30, "y": 25}]}
            blobs.append(Blob.from_pixels(pixels_of(self._mask())))
        settings = Settings(references=(Reference(SOURCE),), bindings=tuple(self._some_bindings()))
        packed = bundles.decode([bytes(part) for part in bundles.encode(header, blobs)])
        result = DockerResult(Request(SOURCE, W, H, settings), packed, b"png", header["record"])
        return State(result, self._base())

    def _base(self) -> Base:
        chosen = pixels_of(self.chosen) if self.chosen is not None else None
        found = {"sketch": self.sketch, "hints": self.hints, "chosen": chosen}
        found["sent"] = self._painted(self.chosen) if self._coin(0.7) else chosen
        found["selection"] = pixels_of(self._mask()) if self._coin(0.2) else None
        hashes = tuple(hashlib.sha256(mask.data).hexdigest() for _, mask in self.references)
        return Base.pack(found, hashes if self._coin(0.9) else None)

    def _seen(self) -> Seen:
        """The newest state but one, most often, with strokes."""
        state = self.states[min(len(self.states) - 1, int(self.chance.integers(0, 3)))]
        layers, masks = {}, {}
        for layer in state.result.layers():
            if layer.role not in self.roles or self._coin(0.07):
                continue
            canvas = np.zeros((H, W, 4), np.uint8)
            box = layer.pixels
            there = np.frombuffer(bytes(box.data), np.uint8).reshape(box.height, box.width, 4)
            canvas[box.y : box.y + box.height, box.x : box.x + box.width] = there
            if self._coin(0.7):
                x, y = int(self.chance.integers(0, W - 6)), int(self.chance.integers(0, H - 6))
                canvas[y : y + 6, x : x + 5] = self._picture(5, 6)
            rows, columns = (slice(0, H), slice(0, W)) if self._coin(0.7) else (slice(2, H - 1), slice(3, W))
            crop = np.ascontiguousarray(canvas[rows, columns])
            layers[layer.role] = pixels_of(crop, columns.start, rows.start)
            cropped = (box.width, box.height) != (W, H)
            if layer.mask is not None and (self._coin(0.9) or cropped):
                mask = np.zeros((H, W), np.uint8)
                there = np.frombuffer(bytes(layer.mask.data), np.uint8).reshape(box.height, box.width)
                mask[box.y : box.y + box.height, box.x : box.x + box.width] = there
                masks[layer.role] = self._painted(mask, 0.4)
            elif self._coin(0.2):
                masks[layer.role] = pixels_of(self._mask())
        return Seen(layers, masks)

    def fresh(self, request: ColorizeRequest) -> Result:
        """What an engine gives for what it is handed."""
        handed = hashlib.sha256(str(self.number).encode())
        for picture in (request.sketch, request.sketch_mask, request.hints):
            handed.update(b"-" if picture is None else picture.tobytes())
        handed.update(repr(request.bindings).encode())
        outer, self.chance = self.chance, np.random.default_rng(list(handed.digest()))
        layers = []
        for role in self.roles:
            rows, columns = self._box()
            picture = np.ascontiguousarray(self._flat()[rows, columns])
            mask = np.ascontiguousarray(self._mask()[rows, columns])
            layers.append(
                Layer(role, Role(role), picture, columns.start, rows.start, mask=mask, mask_name="M")
            )
        places = (Place(PlaceKind.LEAK, 8, 8, 12, 8, 0.5), Place(PlaceKind.DOUBTFUL, 20, 20, 4, 4, 0.25))
        check = Check(self._mask(), places) if self._coin(0.8) else None
        self.chance = outer
        return Result(tuple(layers), {"regions": 1}, check)

    def meanwhile(self, role: str, now: Pixels) -> Pixels:
        """What a layer is when the answer is to be put into it: the artist went on, most often not."""
        chance = np.random.default_rng([self.number, len(role)])
        if chance.random() < 0.6 or not now.data:
            return now
        picture = np.frombuffer(bytes(now.data), np.uint8).reshape(now.height, now.width, 4).copy()
        y, x = int(chance.integers(0, now.height - 4)), int(chance.integers(0, now.width - 5))
        picture[y : y + 4, x : x + 5] = chance.integers(0, 256, (4, 5, 4), np.uint8)
        return pixels_of(picture, now.x, now.y)
