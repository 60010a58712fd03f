"""The edit process: makes palette edits one after another, also while the worker process runs a job.

`supervisor` starts it and communicates with it by `pipe`, as with the worker process.
"""

from __future__ import annotations

from colorizer.server import run_edit, worker
from colorizer.server.pipe import Buffer, Kind


def run(data: Buffer, report: worker.JobReport) -> None:
    """Makes one edit."""
    report.answer(run_edit.run(data))


def main() -> None:
    """Runs the process; never returns while the HTTP process lives."""
    process = worker.start(run)
    process.say(Kind.READY, engines=[])
    process.work()


if __name__ == "__main__":
    main()
