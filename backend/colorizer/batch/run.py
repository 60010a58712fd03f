"""Runs a whole batch: finds the pages, surveys and compares them, chooses common colours, colours and writes the pages.

Every result is recorded (`journal`) and written atomically, so that a batch that is killed loses at most the pages in
progress. The surveys are stored in a hidden folder beside the results. A file in the output folder that this command
hasn't written, or that has been changed since, is never overwritten.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from colorizer.batch.crew import Crew, LocalCrew
from colorizer.batch.journal import Entry, Journal
from colorizer.batch.pages import BatchJob, PagePlan, plan_pages
from colorizer.batch.work import Coloured, Failure, Page, Setup, Tell
from colorizer.engines import sequences
from colorizer.engines.base import Engine
from colorizer.engines.sequences import Likeness, SequenceEngine
from colorizer.files import write_atomically
from colorizer.progress import ProgressBar
from colorizer.protocol.checks import check_references

KEPT = ".batch"
"""Folder in the output folder for the results of surveying and comparing."""

Place = TypeVar("Place", bound=Hashable)
"""A page, or a pair of pages."""


class Status(str, Enum):
    """The state of a page."""

    WAITING = "waiting"
    DONE = "done"
    UNCHANGED = "unchanged"
    """Finished by an earlier run."""
    KEPT = "kept"
    """A file with the result's name exists that this command hasn't written or that has been changed; it is kept."""
    FAILED = "failed"


def colorize_batch(job: BatchJob, progress: ProgressBar) -> dict[str, Any]:
    """Colours a folder of pages; continues where an earlier run stopped.

    Returns:
        A JSON-serializable record: `engine`, `output`, `together` (whether common colours were chosen for the pages),
        the numbers `done`, `unchanged`, `kept` and `failed`, and `pages`, each with `page`, `output`, `status`,
        `seconds`, `panels` (null for a single picture) and `error`.

    Raises:
        ColorizerError: the batch as a whole can't be coloured. The errors of single pages are in the record.
    """
    from colorizer.engines.registry import get

    plans = plan_pages(job)
    engine = get(job.engine)
    setup = _setup(job, engine)
    job.output.mkdir(parents=True, exist_ok=True)
    bar = _Bar(progress, len(plans))
    with _crew(job, setup, bar.step) as crew:
        batch = _Batch(plans, setup.key, crew, job.output, bar)
        together = job.consistent and job.options.palette_lock and len(plans) > 1
        if together and isinstance(engine, SequenceEngine):
            batch.agree(engine)
        else:
            together = False
        batch.colour()
    pages = batch.report()
    counts = {
        status.value: sum(page["status"] == status.value for page in pages)
        for status in Status
        if status is not Status.WAITING
    }
    return {"engine": job.engine, "output": str(job.output), "together": together, **counts, "pages": pages}


def sentence(record: dict[str, Any]) -> str:
    """A batch's record as a sentence."""
    panels = sum(page["panels"] or 0 for page in record["pages"])
    failed = [page for page in record["pages"] if page["status"] == Status.FAILED.value]
    done = f"{record['done']} pages coloured" + (f" ({panels} panels)" if panels else "")
    text = f"{record['output']}: {done}, {record['unchanged']} already finished"
    if record["kept"]:
        text += f", {record['kept']} not overwritten because they were changed by hand or existed before"
    listed = "".join(f"\n  {page['page']}: {page['error']}" for page in failed)
    return f"{text}, {len(failed)} failed.{listed}" if failed else f"{text}."


class _Bar:
    """Shows the progress over the pages and over the steps of the current page."""

    def __init__(self, progress: ProgressBar, pages: int) -> None:
        self._progress = progress
        self._pages = pages
        self._part = ""
        self._done = 0

    def part(self, name: str, done: int, pages: int) -> None:
        """Reports how many pages a part of the work has finished."""
        self._part, self._done, self._pages = name, done, pages
        self._progress.stage(f"{name} {done}/{pages}", done, pages)

    def step(self, name: str, done: int, total: int) -> None:
        """Reports the progress of the current page."""
        share = self._done + min(1.0, done / max(1, total))
        self._progress.stage(f"{self._part} {self._done + 1}/{self._pages}: {name}", share, self._pages)


@dataclass
class _Line:
    """The state of one page and its entry in the record."""

    plan: PagePlan
    status: Status = Status.WAITING
    seconds: float | None = None
    panels: int | None = None
    error: str | None = None


@dataclass
class _Batch:
    """A batch in progress."""

    plans: Sequence[PagePlan]
    setup_key: str
    crew: Crew
    output: Path
    bar: _Bar
    lines: list[_Line] = field(init=False)
    keys: list[str] = field(init=False)
    """For each page the hash of everything that determines its result, except the common colours."""
    agreed: dict[int, bytes] = field(default_factory=dict)
    """By page: its survey with the common colours."""

    def __post_init__(self) -> None:
        self.lines = [_Line(plan) for plan in self.plans]
        self.journal = Journal(self.output)
        self.keys = [self._page_key(plan) for plan in self.plans]

    def agree(self, engine: SequenceEngine) -> None:
        """Surveys and compares the pages and chooses common colours."""
        pages = range(len(self.plans))
        keys = {page: self.keys[page] for page in pages}
        surveys = self._kept("Surveying", "survey", keys, lambda page: (self.plans[page].read(),))
        there = sorted(surveys)
        pairs = [(there[one], there[other]) for one, other in sequences.neighbours(len(there))]
        pair_keys = {pair: _digest(surveys[pair[0]], surveys[pair[1]]) for pair in pairs}
        found = self._kept(
            "Comparing", "compare", pair_keys, lambda pair: (surveys[pair[0]], surveys[pair[1]])
        )

        def compare(one: int, other: int) -> Likeness | None:
            content = found.get((there[one], there[other]))
            return None if content is None else np.load(io.BytesIO(content))

        agreed = sequences.agree(engine, [engine.read_survey(surveys[page]) for page in there], compare)
        self.agreed = {page: survey.to_bytes() for page, survey in zip(there, agreed, strict=True)}
        self._tidy({*keys.values(), *pair_keys.values()})

    def colour(self) -> None:
        """Colours every page that isn't finished."""
        keys = {}
        for page, line in enumerate(self.lines):
            if line.status is not Status.FAILED:
                agreed = self.agreed.get(page, b"")
                keys[page] = _digest(self.keys[page].encode(), agreed)
                line.status = _status(self.journal, line.plan, keys[page])
        todo = [page for page, line in enumerate(self.lines) if line.status is Status.WAITING]

        def finish(page: int, coloured: Coloured) -> None:
            line = self.lines[page]
            sha256 = hashlib.sha256(coloured.content).hexdigest()
            self.journal.add(Entry(line.plan.path.name, keys[page], line.plan.output.name, sha256))
            write_atomically(line.plan.output, coloured.content)
            line.status, line.seconds = Status.DONE, coloured.seconds
            line.panels = coloured.panels or None

        arguments = lambda page: (self.plans[page].read(), self.agreed.get(page))  # noqa: E731
        self._fail(self._work("Colouring", "colour", todo, arguments, finish))

    def report(self) -> list[dict[str, Any]]:
        """The record's entries, one for each page."""
        return [
            {
                "page": line.plan.path.name,
                "output": line.plan.output.name,
                "status": line.status.value,
                "seconds": line.seconds,
                "panels": line.panels,
                "error": line.error,
            }
            for line in self.lines
        ]

    def _kept(
        self, part: str, step: str, keys: Mapping[Place, str], arguments: Callable[[Place], tuple[Any, ...]]
    ) -> dict[Place, bytes]:
        """The results of a step, loaded from an earlier run if possible; marks pages without a result as failed."""
        folder = self.output / KEPT
        folder.mkdir(exist_ok=True)
        files = {place: folder / f"{key}.{step}" for place, key in keys.items()}
        missing = [place for place, file in files.items() if not file.is_file()]
        failed = self._work(
            part, step, missing, arguments, lambda place, content: write_atomically(files[place], content)
        )
        self._fail({page: error for page, error in failed.items() if isinstance(page, int)})
        return {place: file.read_bytes() for place, file in files.items() if place not in failed}

    def _work(
        self,
        part: str,
        step: str,
        places: Sequence[Place],
        arguments: Callable[[Place], tuple[Any, ...]],
        finish: Callable[[Place, Any], None],
    ) -> dict[Place, str]:
        """Runs a step for some pages or pairs and retries failed ones once.

        Returns:
            The errors of those that failed twice.
        """
        errors: dict[Place, str] = {}
        through = 0
        self.bar.part(part, 0, max(1, len(places)))
        for _attempt in range(2):
            todo, errors = list(errors or places), {}
            tasks = [partial(arguments, place) for place in todo]
            for index, result in self.crew.run(step, tasks):
                if isinstance(result, Failure):
                    errors[todo[index]] = result.sentence
                    continue
                finish(todo[index], result)
                through += 1
                self.bar.part(part, min(through, len(places) - 1), len(places))
            if not errors:
                break
        return errors

    def _fail(self, errors: Mapping[int, str]) -> None:
        for page, error in errors.items():
            self.lines[page].status, self.lines[page].error = Status.FAILED, error

    def _page_key(self, plan: PagePlan) -> str:
        """SHA-256 of a page's files and the setup; if a file can't be read, of its name instead."""
        try:
            key = plan.read().key
        except OSError:
            key = plan.path.name
        return _digest(self.setup_key.encode(), key.encode())

    def _tidy(self, keys: set[str]) -> None:
        """Deletes the stored results of other pages or settings."""
        for file in (self.output / KEPT).iterdir():
            if file.stem not in keys:
                file.unlink()


def _status(journal: Journal, plan: PagePlan, key: str) -> Status:
    """The state of a page at the start of this run."""
    if not plan.output.is_file():
        return Status.WAITING
    if not journal.made(plan.output):
        return Status.KEPT
    entry = journal.entries.get(plan.path.name)
    finished = (
        entry is not None
        and entry.key == key
        and entry.sha256 == hashlib.sha256(plan.output.read_bytes()).hexdigest()
    )
    return Status.UNCHANGED if finished else Status.WAITING


def _setup(job: BatchJob, engine: Engine) -> Setup:
    masks: tuple[Path | None, ...] = job.reference_masks or (None,) * len(job.references)
    references = tuple(
        Page(path.name, path.read_bytes(), mask.read_bytes() if mask else None)
        for path, mask in zip(job.references, masks, strict=True)
    )
    check_references(len(references), engine.info.max_references, engine.info.title)
    models = {model.name: model.sha256 for model in engine.info.models}
    return Setup(
        engine=job.engine,
        model=job.model,
        mode=job.mode,
        references=references,
        seed=job.seed,
        options=job.options,
        device=job.device,
        layers=job.layers,
        model_sha256=models.get(job.model) or next(iter(models.values()), ""),
    )


@contextmanager
def _crew(job: BatchJob, setup: Setup, tell: Tell) -> Iterator[Crew]:
    if job.cluster is None:
        yield LocalCrew(setup, tell)
        return
    from colorizer.batch.cluster import RayCrew

    with RayCrew(job.cluster, setup, job.workers) as crew:
        yield crew


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
