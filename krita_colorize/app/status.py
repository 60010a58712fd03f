"""The status as one sentence for the artist. "Ready" means that all results are visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krita_colorize.app.backend import BackendState
from krita_colorize.core.translations import tr

if TYPE_CHECKING:
    from krita_colorize.app.session import Session


def words(session: Session) -> str:
    """What is running, otherwise what is wrong with the backend, otherwise what the artist can do."""
    return _doing(session) or _failure(session) or _idle(session)


def _doing(session: Session) -> str:
    """The running work for the document, "" without any."""
    job, document = session.job, session.document
    if job is not None:
        more = len(session.jobs.of(job.document)) - 1
        return tr("{what} (+{count} more)", what=job.words, count=more) if more else job.words
    if document is not None and session.activity.is_read(document.info.key):
        return tr("Reading the pictures")
    if document is not None and session.activity.of(document.info.key):
        return tr("Updating the picture")
    return ""


def _failure(session: Session) -> str:
    """The reason why the backend isn't ready, "" if it is ready or stopped."""
    backend = session.backend
    if backend.state is BackendState.ERROR:
        if backend.remote:
            return tr("{name} can't be used", name=backend.chosen)
        return tr("The colour engine isn't running")
    return backend.starting if backend.state is BackendState.STARTING else ""


def _idle(session: Session) -> str:
    backend = session.backend
    if session.document is None:
        return tr("Open a picture to colour it")
    if session.document.sketch is None:
        return tr("Select the layer with your sketch")
    if backend.state is BackendState.STOPPED:
        if backend.remote:
            return tr("Ready; {name} will be used for the first job", name=backend.chosen)
        return tr("Ready; the colour engine starts with the first job")
    return tr("Ready, only in the selection") if session.canvas.selection.counts else tr("Ready")
