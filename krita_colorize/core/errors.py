"""The error that the artist reads. All other exceptions are bugs and are logged."""

from __future__ import annotations


class UserError(Exception):
    """One plain sentence that says what is wrong and what to do."""
