"""The edit process: makes palette edits one after the other, beside the worker process and its jobs.

Started by `supervisor` as the worker process is, and speaks with it in the same way (`pipe`).
"""

from __future__ import annotations

from colorizer.server import run_edit, worker
from colorizer.server.pipe import Buffer, Kind


def run(data: Buffer, report: worker.JobReport) -> None:
    """Makes one edit."""
    report.answer(run_edit.run(data))


def main() -> None:
    """The process: never returns while the HTTP process lives."""
    process = worker.start(run)
    process.say(Kind.READY, engines=[])
    process.work()


if __name__ == "__main__":
    main()
