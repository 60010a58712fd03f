"""The models that an engine can load: the user's, then the built-in ones. `cards` lists the folders."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from colorizer import paths
from colorizer.engines.base import USUAL_STEPS, ColorizeRequest, ModelInfo
from colorizer.engines.cards import Card, cards, models_folder
from colorizer.errors import MissingModel, UnknownEngine

DIFFUSION_PACKAGES = ("accelerate", "diffusers", "peft", "torchsde", "transformers")


def missing_packages() -> str:
    """A message that names the packages missing for diffusion engines; empty if none is missing."""
    lacking = [name for name in DIFFUSION_PACKAGES if find_spec(name) is None]
    if not lacking:
        return ""
    return (
        f"This engine needs packages that aren't installed: {', '.join(lacking)}."
        " Press … beside Start in the docker, then Repair; or run `pip install krita-colorize[diffusion]`."
    )


def quiet_libraries() -> None:
    """Sets diffusers and transformers offline, without progress bars and without warnings for programmers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import diffusers.utils.logging
    import transformers.utils.logging

    for said in (diffusers.utils.logging, transformers.utils.logging):
        said.disable_progress_bar()
        said.set_verbosity_error()


class Installed:
    """The installed models of one engine. `folder` replaces all other models folders, for tests."""

    def __init__(self, engine: str, title: str, folder: Path | None = None) -> None:
        self._engine = engine
        self._title = title
        self._folder = folder

    def folders(self) -> list[Path]:
        """The model folders of this engine: the user's by name, then the built-in ones, the newest first."""
        found = cards(self._folder or models_folder())
        if not self._folder:
            found += reversed(cards(paths.resource("weights") / self._engine))
        return [path for path, card in found if card.engine == self._engine]

    def missing(self, advice: str) -> str:
        """Why the engine cannot colour: missing packages, or no model (`advice`); empty if it can."""
        return missing_packages() or ("" if self.folders() else advice)

    def find(self, model: str) -> Path | None:
        """The folder of a model, or of the first model if no name is given; None if there is none.

        Raises:
            UnknownEngine: no model of that name is installed.
        """
        folders = self.folders()
        if not model:
            return folders[0] if folders else None
        for path in folders:
            if path.name == model:
                return path
        raise UnknownEngine(f"No {self._title} model {model!r} is installed. Choose one from the list.")

    def ready(self, model: str, advice: str) -> Path:
        """The folder of a model to load; see `find`.

        Raises:
            MissingModel: no model is installed (with `advice`), or packages are missing.
        """
        if lacking := self.missing(advice):
            raise MissingModel(lacking)
        quiet_libraries()
        found = self.find(model)
        assert found is not None
        return found

    def weights(self, model: str, file: str) -> Path | None:
        """A file in a model's folder; None if there is no model. Raises like `find`."""
        found = self.find(model)
        return found / file if found else None

    def with_steps(self, request: ColorizeRequest) -> ColorizeRequest:
        """Sets the model's recommended number of steps if the request has none. Raises like `find`."""
        if request.options.steps:
            return request
        folder = self.find(request.model)
        card = Card.read(folder) if folder else None
        steps = (card and card.steps) or USUAL_STEPS
        return replace(request, options=request.options.model_copy(update={"steps": steps}))

    def describe(self, path: Path, weights: str, *, licence: str = "own", title: str = "") -> ModelInfo:
        """Describes a model folder.

        Args:
            path: the folder.
            weights: path in the folder of the file whose hash is written to the record of a result.
            licence: the licence if the card names none.
            title: the title if the card names none.
        """
        card = Card.read(path) or Card(self._engine)
        size = sum(file.stat().st_size for file in path.rglob("*.safetensors"))
        known = card.files.get(weights)
        return ModelInfo(
            path.name,
            card.title or title or f"{path.name} ({self._title})",
            card.licence or licence,
            size,
            installed=True,
            sha256=known.sha256 if known else "",
            steps=card.steps or USUAL_STEPS,
        )
