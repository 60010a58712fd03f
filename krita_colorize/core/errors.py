"""What the docker tells the artist. Everything else that goes wrong is our bug and goes to the log."""

from __future__ import annotations


class UserError(Exception):
    """One plain sentence that says what is wrong and what to do."""
