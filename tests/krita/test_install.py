"""The docker gets into Krita: copied and switched on, or as a zip that Krita's own importer takes."""

import importlib.util
import json
import os
import zipfile
from pathlib import Path

import pytest
from colorizer.errors import ColorizerError
from colorizer.krita_host import install
from colorizer_lab import release

IMPORTER = Path("/usr/share/krita/pykrita/plugin_importer/plugin_importer.py")


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "colorize"))
    monkeypatch.setattr(install, "find_krita", lambda: Path("krita"))
    return tmp_path


def test_installs_for_the_user(home):
    folder = install.install_for_user(["python", "-m", "colorizer", "serve"])
    assert (folder / "__init__.py").exists()
    assert (folder / "krita_port" / "mask_template.kra").exists()
    assert (folder.parent / "krita_colorize.desktop").exists()
    assert not list(folder.rglob("__pycache__"))
    assert "enable_krita_colorize=true" in (home / ".config/kritarc").read_text()
    backend = json.loads((home / "colorize/backend.json").read_text())
    assert backend["command"][-1] == "serve"


def test_krita_finds_the_actions_once(home):
    folder = install.install_for_user(["python"])
    assert list(folder.parents[1].rglob("*.action")) == [folder.parents[1] / "actions/krita_colorize.action"]


def test_installing_again_replaces_the_old_files(home):
    folder = install.install_for_user(["python"])
    (folder / "old.py").touch()
    install.install_for_user(["python"])
    assert not (folder / "old.py").exists()


def test_other_settings_stay(home):
    settings = home / ".config/kritarc"
    settings.parent.mkdir()
    python = "[python]\nenable_other=false\nenable_krita_colorize=false\n"
    before = f"[KisCanvas][x]\nkey=a=b\n\n{python}\n[theme]\nTheme=Krita dark\n"
    settings.write_text(before)
    install.install_for_user(["python"])
    after = settings.read_text()
    assert sorted(after.split()) == sorted(before.replace("colorize=false", "colorize=true").split())
    assert after.index("enable_krita_colorize") > after.index("[python]")
    assert after.index("enable_krita_colorize") < after.index("[theme]")


def test_open_krita_is_refused(home, monkeypatch):
    monkeypatch.setattr(install, "_is_open", lambda folders: True)
    with pytest.raises(install.KritaIsOpen, match="Close it, then run the command again"):
        install.install_for_user(["python"])
    assert not (home / ".config/kritarc").exists()


def test_missing_krita_is_said(home, monkeypatch):
    monkeypatch.setattr(install, "find_krita", lambda: None)
    with pytest.raises(ColorizerError, match="Krita isn't installed"):
        install.install_for_user(["python"])


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The zip; building the wheel in it takes a while."""
    return release.package(tmp_path_factory.mktemp("packed") / "a.zip")


def test_package_has_the_same_bytes_again(packed, tmp_path):
    assert release.package(tmp_path / "b.zip").read_bytes() == packed.read_bytes()


def test_package_holds_what_krita_needs(packed):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    assert "krita_colorize/" in names
    assert "krita_colorize/__init__.py" in names
    assert "krita_colorize/krita_port/mask_template.kra" in names
    assert len(names) == len(set(names))
    assert "krita_colorize/setup/bundle/constraints.txt" in names
    assert [name for name in names if name.startswith("krita_colorize/setup/bundle/krita_colorize-")]
    assert not [name for name in names if "__pycache__" in name or name.startswith(("/", ".."))]


@pytest.mark.skipif(not IMPORTER.exists(), reason="Krita's plugin importer isn't installed")
def test_kritas_own_importer_takes_the_package(packed, tmp_path):
    spec = importlib.util.spec_from_file_location("plugin_importer", IMPORTER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    resources = tmp_path / "resources"
    (resources / "pykrita").mkdir(parents=True)
    stale = resources / "pykrita/krita_colorize/ui/__pycache__/docker.cpython-311.pyc"  # of an older version
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    stale.parents[1].joinpath("gone.py").write_text("")
    importer = module.PluginImporter(str(packed), str(resources), lambda plugin: True)
    imported = importer.import_all()
    assert not stale.exists()
    assert not (resources / "pykrita/krita_colorize/ui/gone.py").exists()
    assert [plugin["name"] for plugin in imported] == ["krita_colorize"]
    assert (resources / "pykrita/krita_colorize/ui").is_dir()
    assert (resources / "pykrita/krita_colorize.desktop").exists()
    assert list(resources.rglob("*.action")) == [resources / "actions/krita_colorize.action"]


def test_found_krita_runs(tmp_path):
    program = install.find_krita()
    if program is None:
        pytest.skip("Krita isn't installed")
    assert os.access(program, os.X_OK)


def test_krita_comes_first_on_its_own_path(tmp_path, monkeypatch):
    program = tmp_path / "krita"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "elsewhere")
    environment = install.krita_environment()
    assert environment["PATH"].startswith(str(tmp_path))
    assert "PYTHONHOME" not in environment
