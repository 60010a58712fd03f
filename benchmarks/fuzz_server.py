"""Ten thousand random requests to a backend: no 5xx, no leak. `python benchmarks/fuzz_server.py [COUNT] [--remote]`.

Made from the server's own OpenAPI description (schemathesis) and from bundles with something wrong (hypothesis); the
engine is the tests' scripted one, everything else is real. `--remote` attacks a backend for other machines, as a device
that is paired. Prints the figures as one JSON line.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "server")]


def main(count: int, *, remote: bool) -> None:
    warnings.simplefilter("ignore")
    from fuzzing import attack, told
    from running_backend import Backend, RemoteBackend

    quiet = [sys.executable, "-c", "print('{\"result\": {}}')"]
    with tempfile.TemporaryDirectory() as home:
        backend = (RemoteBackend if remote else Backend)(Path(home), model_command=quiet)
        try:
            print(told(attack(backend, count)))
        finally:
            backend.close()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else 10_000, remote="--remote" in sys.argv)
