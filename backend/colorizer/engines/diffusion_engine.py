"""The base class of the diffusion engines: their models, loading, and foreground masks.

A subclass sets the class attributes and implements `_make_slot`. torch and the networks are loaded when a model is
first needed.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, EngineInfo, Mask, Mode, ModelInfo, Picture, Report
from colorizer.engines.models import Installed
from colorizer.errors import InvalidInput
from colorizer.imaging.sizes import MAX_SIDE
from colorizer.protocol.checks import check_references
from colorizer.protocol.options import Choice

if TYPE_CHECKING:
    from colorizer.engines.runtime.memory_profiles import ModelSlot

Model = TypeVar("Model")


class DiffusionEngine(Generic[Model]):
    """The base class of engines whose models are folders. Tests pass `folder` as the models folder."""

    name: ClassVar[str]
    """The name in the registry and in the models' cards."""
    title: ClassVar[str]
    licence: ClassVar[str] = "own"
    """The licence of models whose card names none."""
    weights_file: ClassVar[str]
    """The file in a model's folder whose hash is written to the record of a result."""
    no_model: ClassVar[str]
    """The message for the artist if no model is installed."""
    options: ClassVar[tuple[str, ...]]
    max_references: ClassVar[int] = 1
    most_steps: ClassVar[int] = 100
    memory_mb: ClassVar[int]
    background_alone: ClassVar[bool] = True
    """Whether a background picture without other references is enough."""

    def __init__(self, folder: Path | None = None) -> None:
        self._models = Installed(self.name, self.title, folder)

    @property
    def info(self) -> EngineInfo:
        """See `colorizer.engines.base.Engine`."""
        return EngineInfo(
            name=self.name,
            title=self.title,
            modes=tuple(Mode),
            max_references=self.max_references,
            options=self.options,
            models=tuple(self._describe(folder) for folder in self._models.folders()),
            max_side=MAX_SIDE,
            memory_mb=self.memory_mb,
            missing=self._missing(),
            choices=self._choices(),
        )

    def weights(self, model: str = "") -> Path | None:
        """See `colorizer.engines.base.Engine`."""
        return self._models.weights(model, self.weights_file)

    def load(self, device: str, model: str = "") -> None:
        """Loads a model. Raises `MissingModel` if there is none."""
        self._slot.load(self._models.ready(model, self.no_model), device)

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground with the built-in engine's segmenter."""
        return registry.get("match").foreground_mask(picture, report)

    @cached_property
    def _slot(self) -> ModelSlot[Model]:
        return self._make_slot()

    def _make_slot(self) -> ModelSlot[Model]:
        """Creates the slot for the engine's model; imports torch."""
        raise NotImplementedError

    def _loaded(self, model: str) -> ModelSlot[Model]:
        """The slot with that model loaded, on the device of the previous model."""
        self.load(self._slot.device or "cpu", model)
        return self._slot

    def _describe(self, folder: Path) -> ModelInfo:
        return self._models.describe(folder, self.weights_file, licence=self.licence)

    def _choices(self) -> dict[str, tuple[Choice, ...]]:
        """See `EngineInfo.choices`."""
        return {}

    def _missing(self) -> str:
        """Why the engine cannot colour, as a sentence for the artist; empty if it can."""
        return self._models.missing(self.no_model)

    def _check_numbers(self, request: ColorizeRequest, *, least_steps: int = 1) -> None:
        """Raises `InvalidInput` for no or too many references, or for an invalid number of steps."""
        alone = self.background_alone and request.background is not None
        check_references(len(request.references), self.max_references, self.title, background=alone)
        if not least_steps <= request.options.steps <= self.most_steps:
            raise InvalidInput(
                f"`steps` must be {least_steps} to {self.most_steps}, not {request.options.steps}."
            )

    def _profile_name(self) -> str:
        """Name of the model's memory profile, for the record of a result."""
        return self._slot.profile.name if self._slot.profile else ""
