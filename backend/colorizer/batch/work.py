"""Colours one page of a batch, from bytes to bytes, so that this can be done on any machine.

Files, the order of the pages and retries are handled by `run`.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import colorizer
from colorizer.engines import last_stage
from colorizer.engines.base import ColorizeRequest, Engine, Mask, Mode, Options, Picture, Reference, Result
from colorizer.engines.sequences import SequenceEngine
from colorizer.errors import Cancelled, ColorizerError

Tell = Callable[[str, int, int], None]
"""Stage, done, total."""


@dataclass(frozen=True)
class Page:
    """The bytes of a picture file and, if there is one, of its foreground mask."""

    name: str
    content: bytes
    mask: bytes | None = None

    @cached_property
    def key(self) -> str:
        """SHA-256 of both, in hex."""
        both = (self.content, b"" if self.mask is None else b"mask" + self.mask)
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in both)).hexdigest()


@dataclass(frozen=True)
class Setup:
    """The settings and pictures that all pages of a batch share."""

    engine: str
    model: str
    mode: Mode
    references: tuple[Page, ...]
    seed: int
    options: Options
    device: str
    layers: bool
    """Whether the results are OpenRaster with layers instead of PNG."""
    model_sha256: str = ""
    """SHA-256 of the weights; empty if the engine doesn't know it."""

    @cached_property
    def key(self) -> str:
        """SHA-256 in hex of everything that determines the results; the device isn't part of it."""
        said = [
            *(colorizer.__version__, self.engine, self.model, self.model_sha256, self.mode.value),
            *(reference.key for reference in self.references),
            *(str(self.seed), repr(self.options.model_dump()), str(self.layers)),
        ]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


@dataclass(frozen=True)
class Coloured:
    """A finished page as a file's bytes."""

    content: bytes
    seconds: float
    panels: int = 0
    """Of a comic page; 0 for a single picture."""


@dataclass(frozen=True)
class Failure:
    """The reason why a task has no result, as a sentence for users."""

    sentence: str


class Desk:
    """The engine and the references of one process, ready for any number of pages."""

    def __init__(self, setup: Setup, tell: Tell = lambda *_: None) -> None:
        from colorizer.engines.registry import get
        from colorizer.engines.runtime.device import choose_device

        self.setup = setup
        self.tell = tell
        self.engine: Engine = get(setup.engine)
        self.engine.load(choose_device(setup.device), setup.model)
        self._references = tuple(
            Reference(_picture(page), _mask(page.name, page.mask)) for page in setup.references
        )

    def survey(self, page: Page) -> bytes:
        """Surveys a page, see `colorizer.engines.sequences`."""
        return self._sequences.survey(self._request(page), _Reporter(self.tell)).to_bytes()

    def compare(self, one: bytes, other: bytes) -> bytes:
        """Compares two surveyed pages; returns their likeness as the bytes of an .npy file."""
        read = self._sequences.read_survey
        stream = io.BytesIO()
        np.save(stream, self._sequences.compare(read(one), read(other)))
        return stream.getvalue()

    def colour(self, page: Page, survey: bytes | None) -> Coloured:
        """Colours a page, according to its survey if there is one."""
        start = time.perf_counter()
        request, reporter = self._request(page), _Reporter(self.tell)
        if survey is None:
            result = last_stage.colorize(self.engine, request, reporter)
        else:
            agreed = self._sequences.read_survey(survey)
            result = last_stage.with_edits(
                self._sequences.colorize_surveyed(request, agreed, reporter), request
            )
        content = _file(self.setup, result, request.sketch)
        return Coloured(content, round(time.perf_counter() - start, 3), result.report.get("panels", 0))

    @property
    def _sequences(self) -> SequenceEngine:
        assert isinstance(self.engine, SequenceEngine)
        return self.engine

    def _request(self, page: Page) -> ColorizeRequest:
        setup = self.setup
        return ColorizeRequest(
            _picture(page),
            self._references,
            mode=setup.mode,
            sketch_mask=_mask(page.name, page.mask),
            model=setup.model,
            seed=setup.seed,
            options=setup.options,
        )


def attempt(desk: Desk, step: str, arguments: tuple[Any, ...]) -> Any:
    """Runs a method of a desk by its name. Returns a `Failure` instead of raising.

    Raises:
        Cancelled: the user cancelled the batch.
    """
    try:
        return getattr(desk, step)(*arguments)
    except Cancelled:
        raise
    except ColorizerError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure(
            "There was not enough memory for this page. Close other programs or use a smaller picture."
        )
    except Exception as error:  # noqa: BLE001 - one failed page must not end a long batch
        return Failure(
            f"This page failed because of an error in the program ({type(error).__name__}: {error})."
            " Please report it."
        )


class _Reporter:
    """An engine's `Report` that passes stages on to `tell`."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        self._tell(name, done, total)

    def preview(self, picture: object) -> None:
        """Does nothing: a batch shows no previews."""


def _picture(page: Page) -> Picture:
    from colorizer.imaging.pictures import decode_picture

    return decode_picture(page.content, name=page.name)


def _mask(name: str, content: bytes | None) -> Mask | None:
    from colorizer.imaging.masks import mask_from_picture
    from colorizer.imaging.pictures import decode_picture

    return None if content is None else mask_from_picture(decode_picture(content, name=f"The mask of {name}"))


def _file(setup: Setup, result: Result, sketch: Picture) -> bytes:
    from colorizer.imaging.layers import with_lines
    from colorizer.imaging.lines import clean_lines
    from colorizer.imaging.openraster import write_openraster
    from colorizer.imaging.pictures import encode_png

    layers, sketch = result.layers, clean_lines(sketch, result.report.get("coloured_lines", ""))
    if not setup.layers:
        return encode_png(with_lines(layers, sketch))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.ora"
        name = f"Colorized · {Path(setup.references[0].name).stem} · seed {setup.seed}"
        write_openraster(path, layers, sketch, name=name)
        return path.read_bytes()
