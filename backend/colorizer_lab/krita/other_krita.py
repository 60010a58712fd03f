"""Other versions of Krita beside the installed one: Debian packages of another suite, each in its own root folder.

For the tests, on Linux as root. `prepare` makes the root folder once with debootstrap, keeps it in the user's cache
folder and writes two scripts, `krita` and `kritarunner`; their folder has to be first on `PATH`. A script runs its
program in the root folder and bind-mounts this machine's folders (clone, home, temporary files, X socket) there, in a
mount namespace of its own: the mounts end with the process.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colorizer import paths
from colorizer.errors import ColorizerError

MIRROR = "http://deb.debian.org/debian"
TOOLS = ("unshare", "chroot", "mount")
PROGRAMS = ("krita", "kritarunner")
SYSTEM_PATH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
OWN = ("bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "lost+found", "sbin", "usr", "var")
"""Folders of the root folder itself; all others are bind-mounted from this machine."""

HOST_NAMES = ("/etc/hosts", "/etc/resolv.conf")

SCRIPT = """#!/bin/sh
# Krita {version} from Debian {suite}
PATH=$PATH:/usr/sbin:/sbin
export PATH
exec unshare --mount sh -e -c '
root=$1 search=$2
shift 2
show() {{
    if [ -d "$1" ]; then
        mkdir -p "$root$1"
    elif [ -e "$1" ]; then
        mkdir -p "$root${{1%/*}}"
        [ -e "$root$1" ] || : >"$root$1"
    else
        return 0
    fi
    mount --rbind "$1" "$root$1"
}}
for path in /*; do
    case ${{path#/}} in
        {own}) ;;
        *) [ ! -d "$path" ] || show "$path" ;;
    esac
done
for path in {shown}; do
    show "$path"
done
exec chroot "$root" env -C "$PWD" PATH="$search" "$@"
' sh {root} {search}:"$PATH" /usr/bin/{program} "$@"
"""
"""`mount --rbind` of a folder that is mounted already, such as the clone below `/home`, is harmless."""


class NoOtherKrita(ColorizerError):
    """Another Krita can't be installed on this machine."""

    code = "no_other_krita"


@dataclass(frozen=True)
class Source:
    """Where a Krita comes from: a Debian suite, packages that Krita only recommends, and the newer suite that has Krita
    if the first doesn't.
    """

    suite: str
    beside: tuple[str, ...]
    above: str = ""

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites in apt's list of sources."""
        return (self.suite, self.above) if self.above else (self.suite,)


SOURCES = {
    "5.2": Source("trixie", ("python3-pyqt5",)),
    "5.3": Source("sid", ("python3-pyqt5",)),
    "6": Source("sid", ("python3-pyqt6", "qt6-svg-plugins"), "experimental"),
}


def prepare(name: str) -> Path:
    """The folder with the scripts `krita` and `kritarunner` of one of `SOURCES`; makes its root folder if needed.

    Raises `NoOtherKrita` for an unknown name and on machines that can't run it.
    """
    if name not in SOURCES:
        raise NoOtherKrita(f"Krita {name} isn't available. Choose one of: {', '.join(SOURCES)}.")
    _check_machine()
    root = cache_folder() / name
    with _alone(root):
        if not root.is_dir():
            _make(name, root)
        return _write_scripts(name, root)


def cache_folder() -> Path:
    """The folder of the root folders."""
    return paths.cache() / "kritas"


def _check_machine() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoOtherKrita("Another Krita needs Linux and the root user. Run this as root on Linux.")
    _require(*TOOLS)
    if _run(["unshare", "--mount", "true"], subprocess.DEVNULL) != 0:
        raise NoOtherKrita(
            "Another Krita needs mount namespaces, which this machine doesn't allow. Use another machine or a"
            " privileged container."
        )


def _require(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool, path=_path())]
    if missing:
        raise NoOtherKrita(f"Another Krita needs {', '.join(missing)}. On Debian: apt install debootstrap.")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Lets only one process at a time make a root folder; the system releases the lock when its holder ends."""
    import fcntl  # not on Windows

    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.parent / f"{root.name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(name: str, root: Path) -> None:
    """Makes a root folder under a temporary name and renames it when it is complete."""
    if os.environ.get("COLORIZE_OFFLINE") == "1":
        raise NoOtherKrita(
            f"Krita {name} isn't installed yet, and COLORIZE_OFFLINE=1 forbids downloads. Unset it and run this again."
        )
    _require("debootstrap")
    source, new, log = SOURCES[name], root.parent / f"{root.name}.new", root.parent / f"{root.name}.log"
    shutil.rmtree(new, ignore_errors=True)
    with open(log, "wb") as output:
        for command in _commands(source, new):
            # In a mount namespace of its own, because debootstrap leaves /proc mounted when it fails.
            if _run(["unshare", "--mount", *command], output) != 0:
                raise NoOtherKrita(f"Krita {name} couldn't be installed: {_last_line(log)} See {log}.")
    found = _version(new)
    if not found.startswith(f"{name}."):
        raise NoOtherKrita(
            f"Debian {source.suites[-1]} now has Krita {found}, not {name}. Choose another version."
        )
    os.rename(new, root)


def _commands(source: Source, root: Path) -> Iterator[Sequence[str]]:
    """The commands that make a root folder, in order. A generator, because apt is set up after the first command."""
    yield "debootstrap", "--variant=minbase", source.suite, str(root), MIRROR
    lines = [f"deb {MIRROR} {suite} main\n" for suite in source.suites]
    (root / "etc/apt/sources.list").write_text("".join(lines), encoding="utf-8")
    # The Release file of experimental is often past its Valid-Until date.
    options = 'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\n'
    (root / "etc/apt/apt.conf.d/90colorize").write_text(options, encoding="utf-8")
    yield "chroot", str(root), "apt-get", "update"
    yield "chroot", str(root), "apt-get", "install", "-y", "-t", source.suites[-1], "krita", *source.beside
    yield "chroot", str(root), "apt-get", "clean"


def _version(root: Path) -> str:
    """The version of Krita in a root folder, such as 6.0.4.1+dfsg-1."""
    command = ["chroot", str(root), "dpkg-query", "--show", "--showformat=${Version}", "krita"]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    return done.stdout.partition(":")[2] or done.stdout


def _write_scripts(name: str, root: Path) -> Path:
    """Writes the scripts to this environment's folder, because they depend on its Python."""
    folder = Path(sys.prefix) / "kritas" / name
    folder.mkdir(parents=True, exist_ok=True)
    search = ":".join([*SYSTEM_PATH, str(Path(sys.base_prefix) / "bin")])
    for program in PROGRAMS:
        text = SCRIPT.format(
            version=_version(root),
            suite=SOURCES[name].suites[-1],
            own="|".join(OWN),
            shown=" ".join(shlex.quote(str(path)) for path in _shown(root)),
            root=shlex.quote(str(root)),
            search=shlex.quote(search),
            program=program,
        )
        path = folder / program
        # The script gets Krita's time stamp, by which `session` finds the profiles that fit this version.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            new = path.with_name(f"{program}.new")
            new.write_text(text, encoding="utf-8")
            new.chmod(0o755)
            os.replace(new, path)
    return folder


def _shown(root: Path) -> list[Path]:
    """The paths of this machine to bind-mount below `OWN` folders."""
    needed = [Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix), Path(__file__).resolve().parents[3]]
    paths = [Path(name) for name in HOST_NAMES] + [path for path in needed if path.parts[1] in OWN]
    base, python = Path(sys.base_prefix), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if base != Path("/usr"):
        return paths + ([base] if base.parts[1] in OWN else [])
    if os.access(root / "usr/bin" / python, os.X_OK):  # the root folder has its own copy of that Python
        return paths
    return [*paths, base / "bin" / python, base / "lib" / python]


def _run(command: Sequence[str], output: BinaryIO | int) -> int:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=_environment(),
        check=False,
    ).returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": _path(), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def _path() -> str:
    """`PATH` with the system's folders: those of the administration programs are often missing from it."""
    return os.pathsep.join([*os.get_exec_path(), "/usr/sbin", "/sbin"])


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no word why")
