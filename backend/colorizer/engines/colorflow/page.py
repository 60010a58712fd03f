"""One page through ColorFlow (arXiv 2412.11815, figure 2): retrieval, in-context colouring, super-resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.colorflow import retrieval
from colorizer.engines.colorflow.condition import to_picture, to_tensor
from colorizer.engines.colorflow.input_style import InputStyle, prepare
from colorizer.engines.colorflow.model import ColorFlowModel
from colorizer.engines.colorflow.retrieval import Size, fit
from colorizer.engines.colorflow.super_resolution import upscale
from colorizer.errors import MissingModel
from colorizer.imaging.values import RGB

ENLARGED = 1.5
"""How much larger the page is than what is coloured."""


@dataclass(frozen=True)
class PageSettings:
    """What decides a page besides its pictures."""

    style: InputStyle
    """What the page is: `LINES` for line art, else what the model shall make of it."""
    size: Size
    """One of `retrieval.SIZES`, or a smaller one in tests."""
    steps: int = 10
    seed: int = 0
    parity: bool = False
    """As published where that is a mistake: the fusion network in training mode, grey levels cut off."""


def colour_page(
    model: ColorFlowModel,
    page: RGB,
    references: Sequence[RGB],
    settings: PageSettings,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> RGB:
    """Colours one page from a pool of references.

    Args:
        page: (H, W, 3); brought to the settings' size by stretching a little or cropping, see `retrieval.fit`.
        references: any number, at least one.
        on_step: steps done and steps in all; may raise to stop.

    Returns:
        The coloured page, 1.5 times the settings' size.
    """
    large = settings.size.times(ENLARGED)
    prepared = prepare(page, settings.style, large, lines=_lines(model), screen=_screen(model))
    query = fit(prepared, settings.size)
    canvas = _canvas(model, query, [fit(reference, settings.size) for reference in references])
    small = model.colouring(
        canvas,
        steps=settings.steps,
        seed=settings.seed,
        on_step=lambda done, total, _latents: on_step(done, total),
    )
    colours = fit(small, large)
    enlarged = upscale(
        model.colouring.vae, model.fusion, to_tensor(colours), to_tensor(prepared), parity=settings.parity
    )
    return to_picture(enlarged[0], cut_off=settings.parity)


def _canvas(model: ColorFlowModel, query: RGB, references: Sequence[RGB]) -> RGB:
    """Retrieval: the query among the patches that look like it."""
    patches = [patch for reference in references for patch in retrieval.reference_patches(reference)]
    known = np.concatenate([model.tower.embed_reference(reference) for reference in references])
    asked = model.tower.embed(retrieval.query_patches(query))
    return retrieval.stitch(query, patches, retrieval.ranking(retrieval.similarities(asked, known)))


def _lines(model: ColorFlowModel) -> Callable[[RGB], NDArray[np.uint8]]:
    if model.line_extractor is None:
        return _missing("line extractor")
    return model.line_extractor.extract


def _screen(model: ColorFlowModel) -> Callable[[RGB], NDArray[np.uint8]]:
    if model.screenstyle is None:
        return _missing("screentone generator")
    return model.screenstyle.screen


def _missing(name: str) -> Callable[[RGB], NDArray[np.uint8]]:
    def refuse(_picture: RGB) -> NDArray[np.uint8]:
        raise MissingModel(
            f"This ColorFlow model came without its {name}, which pages that aren't line art need."
            " Convert the model again with that file, or choose a layer with lines only."
        )

    return refuse
