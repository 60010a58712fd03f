"""The models on this machine: downloads, installs, verifies and removes them.

A model folder gets its final name only when it is complete; its card contains the hash of every file. Only one change
runs at a time, protected by a lock; the next change deletes the remains of an interrupted one. Downloaded files are
kept until their model is installed. The SHA-256 of the first download of each address is stored, and later downloads
from that address must give the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from colorizer import paths
from colorizer.catalogue.convert import Choices, convert
from colorizer.catalogue.download import CHUNK, Rules, check_allowed, fetch
from colorizer.catalogue.entries import NOT_VERIFIED, Catalogue, Entry, Kind
from colorizer.engines.cards import CARD, NAME, Card, FileSum, cards, models_folder
from colorizer.errors import InvalidInput, UnknownEngine, UnusableModel
from colorizer.files import write_atomically
from colorizer.locks import try_lock
from colorizer.protocol.answers import Licence, ModelEntry, ModelState

OnStage = Callable[[str, int, int], None]
"""Called with the current stage, how much of it is done and its total (bytes or networks); may raise to stop."""

FIRST_DOWNLOADS = "first_downloads.json"
_LOCK = ".lock"
_BUILDING = ".building-"


@dataclass(frozen=True)
class Model:
    """One line of the list: an entry of the catalogue, an installed model, or both."""

    name: str
    title: str
    state: ModelState
    engine: str
    bytes: int
    """The size on disk if it is installed, otherwise the approximate size of the download."""
    downloaded: int
    licence: str
    entry: Entry | None

    def record(self) -> dict[str, Any]:
        """The JSON-serializable record, as in docs/wire.md."""
        entry = self.entry
        licence = entry.licence if entry else None
        record = ModelEntry(
            name=self.name,
            title=self.title,
            state=self.state,
            engine=self.engine,
            bytes=self.bytes,
            downloaded=self.downloaded,
            memory_mb=entry.memory_mb if entry else 0,
            good_for=entry.words if entry else "",
            needs=list(entry.needs) if entry else [],
            licence=Licence(
                title=self.licence,
                words=licence.words if licence else "",
                commercial=licence.commercial if licence else None,
                url=licence.url if licence else "",
            ),
        )
        return record.model_dump(mode="json")


class Store:
    """The models of this user. `rules` are the limits of the downloads."""

    def __init__(self, catalogue: Catalogue, rules: Rules | None = None) -> None:
        self.catalogue = catalogue
        self._rules = rules or Rules(catalogue.hosts)

    @property
    def _downloads(self) -> Path:
        return paths.home() / "downloads"

    # -- looking -------------------------------------------------------------------------------------------------

    def models(self) -> list[Model]:
        """Lists the catalogue's models, then the user's own."""
        installed = {path.name: (path, card) for path, card in cards(models_folder())}
        known = [self._of_entry(entry, installed.pop(entry.name, None)) for entry in self.catalogue.entries]
        own = [
            Model(
                name,
                card.title or name,
                ModelState.INSTALLED,
                card.engine,
                _size(path),
                0,
                card.licence or "own",
                None,
            )
            for name, (path, card) in installed.items()
        ]
        return known + own

    def _of_entry(self, entry: Entry, installed: tuple[Path, Card] | None) -> Model:
        downloaded = _size(self._downloads / entry.name)
        state = ModelState.INSTALLED if installed else ModelState.PARTIAL if downloaded else ModelState.ABSENT
        size = _size(installed[0]) if installed else entry.bytes
        licence = entry.licence.title
        return Model(entry.name, entry.title, state, entry.engine, size, downloaded, licence, entry)

    def wanted(self, name: str) -> list[Entry]:
        """The entries to install for a model: those that it requires, then itself. Raises `UnknownEngine`."""
        entry = self.catalogue.get(name)
        entries = [self.catalogue.get(needed) for needed in entry.needs] + [entry]
        return [one for one in entries if Card.read(models_folder() / one.name) is None]

    # -- changing ------------------------------------------------------------------------------------------------

    def download(self, name: str, on_stage: OnStage, *, accept_licence: bool) -> list[str]:
        """Downloads and installs a model and the models that it requires; returns the names of the installed models.

        Raises `ColorizerError`. Received data is kept, so that a later call resumes the download.
        """
        entries = self.wanted(name)
        if entries and not accept_licence:
            raise InvalidInput("\n".join(licence_notice(entry) for entry in entries))
        if entries:
            check_allowed()
        with self._change():
            for entry in entries:
                self._fetch_all(entry, on_stage)
                self._install(entry, on_stage)
        return [entry.name for entry in entries]

    def convert(self, path: Path, name: str, choices: Choices, on_stage: OnStage) -> Path:
        """Converts a file or folder of the user to a model and returns the model's folder.

        Raises `ColorizerError`; then no files are left behind.
        """
        name = name or default_name(path)
        _check_name(name)
        with self._change():
            return self._build(path, name, choices, on_stage)

    def free_name(self, path: Path) -> str:
        """An unused name for a model made of a file."""
        name = default_name(path)
        taken = {model.name for model in self.models() if model.state is ModelState.INSTALLED}
        numbered = (f"{name[:60]}-{number}" for number in range(2, 1000))
        return name if name not in taken else next(one for one in numbered if one not in taken)

    def check_installed(self, name: str) -> None:
        """Raises `UnknownEngine` if no model of that name is installed."""
        self._installed(name)

    def verify(self, name: str, on_stage: OnStage) -> list[str]:
        """Compares every file of a model with its hash on the card; returns a sentence for each difference."""
        folder, card = self._installed(name)
        if not card.files:
            raise InvalidInput(
                f"{name} can't be verified, because it wasn't installed by this program and its files' hashes aren't"
                " known. Download or convert it here to verify it later."
            )
        total = sum(known.bytes for known in card.files.values())
        done, problems = 0, []
        for file, known in card.files.items():
            done += known.bytes
            if not (folder / file).is_file():
                problems.append(f"{file} is missing.")
            elif _sum(folder / file, lambda: on_stage("Verifying", done, total)) != known:  # noqa: B023 - called at once
                problems.append(f"{file} has changed since the installation.")
            on_stage("Verifying", done, total)
        return problems

    def remove(self, name: str) -> None:
        """Removes a model and its downloaded files."""
        _check_name(name)
        folder, downloaded = models_folder() / name, self._downloads / name
        if not folder.is_dir() and not downloaded.is_dir():
            raise UnknownEngine(f"There is no model {name!r} on this machine.")
        with self._change():
            if folder.is_dir():
                gone = Path(mkdtemp(prefix=_BUILDING, dir=models_folder()))
                os.replace(folder, gone / name)  # atomic, so that a partly deleted model is never found
                shutil.rmtree(gone)
            shutil.rmtree(downloaded, ignore_errors=True)

    # -- steps ---------------------------------------------------------------------------------------------------

    def _fetch_all(self, entry: Entry, on_stage: OnStage) -> None:
        folder, before = self._downloads / entry.name, 0
        for file in entry.files:
            target = folder / file.name

            def on_bytes(done: int, _: int, before: int = before) -> None:
                on_stage(f"Downloading {entry.title}", before + done, entry.bytes)

            if not target.is_file():
                known = _first_downloads()
                found = fetch(
                    replace(file, first_seen=known.get(file.url, "")), target, self._rules, on_bytes
                )
                _remember(known | {file.url: found})
            before += target.stat().st_size

    def _install(self, entry: Entry, on_stage: OnStage) -> None:
        folder = self._downloads / entry.name
        choices = Choices(prediction=entry.prediction, variant=entry.variant)
        path = folder / entry.files[0].name
        if entry.kind is Kind.COLORFLOW:
            path = folder / "published"
            choices = Choices(variant=entry.variant, base=folder / "base")
        elif entry.kind in (Kind.FLUX2_KLEIN, Kind.FLUX2_KLEIN_PARTS):
            path, choices = folder, Choices(variant=entry.kind.value)
        elif entry.kind is Kind.TOWERS:
            choices = Choices(tokenizer=folder / "tokenizer")
        self._build(path, entry.name, choices, on_stage, entry)
        shutil.rmtree(folder)

    def _build(
        self, path: Path, name: str, choices: Choices, on_stage: OnStage, entry: Entry | None = None
    ) -> Path:
        folder = models_folder() / name
        if folder.exists():
            raise InvalidInput(f"A model {name!r} exists already. Remove it first, or choose another name.")
        building = Path(mkdtemp(prefix=_BUILDING, dir=models_folder()))
        try:
            made = convert(
                path, building / "model", choices, lambda part, *at: on_stage(f"Converting: {part}", *at)
            )
            sums = _sums(building / "model", on_stage)
            card = Card(
                engine=made.engine,
                title=entry.title if entry else f"{name} ({made.title})",
                licence=entry.licence.title if entry else made.licence,
                source=entry.files[0].url if entry else path.name,
                files=sums,
            )
            (building / "model" / CARD).write_text(
                json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8"
            )
            os.replace(building / "model", folder)
        except OSError as error:
            raise UnusableModel(
                f"The model can't be written: {error.strerror or error}. Free some disk space, then try again."
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return folder

    def _installed(self, name: str) -> tuple[Path, Card]:
        _check_name(name)
        card = Card.read(models_folder() / name)
        if card is None:
            raise UnknownEngine(f"There is no model {name!r} on this machine.")
        return models_folder() / name, card

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Holds the lock on the models folder during the `with` block; first deletes the remains of interrupted
        changes.
        """
        models_folder().mkdir(parents=True, exist_ok=True)
        with (models_folder() / _LOCK).open("a+b") as file:
            if not try_lock(file):
                raise InvalidInput(
                    "Another download or conversion is running. Wait until it ends or stop it, then try again."
                )
            for left in models_folder().glob(f"{_BUILDING}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield


def _first_downloads() -> dict[str, str]:
    """The SHA-256 of first downloads by address."""
    try:
        found = json.loads((paths.home() / FIRST_DOWNLOADS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(downloads: dict[str, str]) -> None:
    write_atomically(paths.home() / FIRST_DOWNLOADS, json.dumps(downloads, indent=1) + "\n")


def licence_notice(entry: Entry) -> str:
    """The text that the user has to read before a download."""
    licence = entry.licence
    return (
        f"{entry.title} ({entry.bytes / 1e9:.1f} GB) has the licence {licence.title}. {licence.words}"
        f" Full text: {licence.url}.{'' if entry.verified else NOT_VERIFIED} Accept it with --accept-licence."
    )


def default_name(path: Path) -> str:
    """A name for a model made of a file, from the file's name."""
    cleaned = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem.lower()
    )
    return cleaned.strip("-")[:64] or "model"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} can't be used as a model's name. Use letters, digits, dots and dashes.")


def _sums(folder: Path, on_stage: OnStage) -> dict[str, FileSum]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    total, done, sums = sum(path.stat().st_size for path in files), 0, {}
    for path in files:
        sums[path.relative_to(folder).as_posix()] = _sum(path, lambda: on_stage("Checking", done, total))  # noqa: B023
        done += path.stat().st_size
    return sums


def _sum(path: Path, on_piece: Callable[[], Any]) -> FileSum:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            size += len(piece)
            on_piece()
    return FileSum(size, digest.hexdigest())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")
