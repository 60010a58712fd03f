"""Guards every slot: exceptions are logged and shown to the artist, never raised into Krita.

An exception that leaves a slot makes Krita open a modal dialog and stops the timer that called it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from krita_colorize.app.home import LOG
from krita_colorize.core.errors import UserError

OUR_BUG = "Something went wrong inside the docker; the picture is untouched. Details are in the log (logs/docker.log)."


class Reports(Protocol):
    """An object that can show the artist a sentence."""

    def report(self, sentence: str) -> None:
        """Shows one sentence."""


P = ParamSpec("P")
S = TypeVar("S", bound=Reports)


def sentence(error: BaseException) -> str:
    """The sentence for an error: its own message if it is for users, otherwise a general one."""
    # The port's LookupError carries a sentence; KeyError and IndexError are our own bugs.
    if isinstance(error, UserError) or type(error) is LookupError:
        return str(error)
    LOG.error("%s: %s", type(error).__name__, error, exc_info=error)
    return OUR_BUG


def guarded(method: Callable[Concatenate[S, P], Any]) -> Callable[Concatenate[S, P], None]:
    """Wraps a slot or an event handler of a `Reports`; drops signal arguments that it doesn't take."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    takes = len(parameters)

    @functools.wraps(method)
    def slot(self: S, /, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args[:takes], **kwargs)
        except Exception as error:  # noqa: BLE001 - the border between Qt's event loop and our code
            self.report(sentence(error))

    return slot
