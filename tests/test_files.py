"""Files and folders appear whole or not at all; a hash is computed again only where a file has changed."""

import os
from pathlib import Path

import pytest
from colorizer.files import atomic_file, atomic_folder, sha256_of, write_atomically


def fail_within(context, file_in):
    with context as part:
        file_in(part).write_text("ne")
        raise ValueError("half way")


def test_written_file_is_whole_and_alone(tmp_path):
    write_atomically(tmp_path / "new" / "note.json", "grün\n")
    assert (tmp_path / "new" / "note.json").read_bytes() == "grün\n".encode()
    assert os.listdir(tmp_path / "new") == ["note.json"]


@pytest.mark.parametrize("by_many", [False, True])
def test_failure_leaves_the_old_file(tmp_path, by_many):
    file = tmp_path / "note"
    file.write_text("old")
    with pytest.raises(ValueError, match="half way"):
        fail_within(atomic_file(file, by_many=by_many), Path)
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["note"]


def test_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(ValueError, match="half way"):
        fail_within(atomic_folder(tmp_path / "model"), lambda folder: folder / "weights")
    assert os.listdir(tmp_path) == []
    with atomic_folder(tmp_path / "model") as building:
        (building / "weights").write_text("new")
    assert (tmp_path / "model" / "weights").read_text() == "new"


def test_hash_follows_the_file(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    before = sha256_of(file)
    with monkeypatch.context() as unread:
        unread.setattr("hashlib.file_digest", None)
        assert sha256_of(file) == before
    file.write_bytes(b"other")
    assert sha256_of(file) != before
