"""The error that the artist reads. Every other exception is a bug and goes to the log."""

from __future__ import annotations


class UserError(Exception):
    """One plain sentence that says what is wrong and what to do."""
