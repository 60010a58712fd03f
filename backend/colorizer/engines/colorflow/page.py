"""Colours one page with ColorFlow (arXiv 2412.11815, figure 2): retrieval, in-context colouring, super-resolution."""

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
"""Ratio of the page's size to the size that is coloured."""


@dataclass(frozen=True)
class PageSettings:
    """Settings of a page."""

    style: InputStyle
    """`LINES` for line art, otherwise the style that the page is converted to."""
    size: Size
    """One of `retrieval.SIZES`, or a smaller one in tests."""
    steps: int = 10
    seed: int = 0
    parity: bool = False
    """Whether to reproduce the published demo's bugs: the fusion network in training mode, truncated levels."""


def colour_page(
    model: ColorFlowModel,
    page: RGB,
    references: Sequence[RGB],
    settings: PageSettings,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> RGB:
    """Colours one page from a pool of references.

    Args:
        model: the networks.
        page: (H, W, 3); slightly stretched or cropped to the settings' size, see `retrieval.fit`.
        references: at least one.
        settings: style, size, steps, seed.
        on_step: called with the steps done and their total number; may raise to cancel.

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
    """Retrieval: stitches the query and the most similar patches of the references to a canvas."""
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
            f"This ColorFlow model has no {name}, which is needed for pages that aren't line art."
            " Convert the model again with that file, or choose a layer with lines only."
        )

    return refuse
