"""Packages are fetched once, checked, and unpacked whole."""

import hashlib
import io
import subprocess
import tarfile

import pytest
from colorizer.errors import InvalidInput
from colorizer_lab.data.art import packages
from colorizer_lab.data.art.families import Package


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_ART", str(tmp_path))
    return tmp_path


def archive():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as content:
        entry = tarfile.TarInfo("package/icons.json")
        entry.size = 2
        content.addfile(entry, io.BytesIO(b"{}"))
    return stream.getvalue()


def package(content):
    return Package("npm", "@some/art", "1.0.0", hashlib.sha256(content).hexdigest(), "MIT", "someone")


def test_an_archive_in_the_cache_is_unpacked_without_any_client(cache, monkeypatch):
    content = archive()
    (cache / "archives").mkdir()
    (cache / "archives" / "some_art-1.0.0").write_bytes(content)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a client was called"))
    assert (packages.unpacked(package(content)) / "package" / "icons.json").read_text() == "{}"
    assert packages.unpacked(package(content)) == packages.unpacked(package(content))


def test_another_archive_than_the_pinned_one_is_refused(cache):
    (cache / "archives").mkdir()
    (cache / "archives" / "some_art-1.0.0").write_bytes(b"other")
    with pytest.raises(InvalidInput, match=r"isn't the pinned archive"):
        packages.unpacked(package(archive()))
    assert not (cache / "packages").exists()


def test_a_client_that_fails_is_one_sentence(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError("npm")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(InvalidInput, match=r"can't be downloaded with npm\. Download its archive to "):
        packages.unpacked(package(archive()))


def test_a_missing_folder_beside_the_clone_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORIZE_SHARED", str(tmp_path))
    with pytest.raises(InvalidInput, match="COLORIZE_SHARED"):
        packages.unpacked(Package("shared", "art/none", "1", "", "CC0-1.0", "someone"))
