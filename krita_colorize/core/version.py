"""The version of this docker, and the comparison with other versions."""

from __future__ import annotations

import re

VERSION = "0.1.0"
"""The backend's is the same (a test compares them); whether the two understand each other is `core.handshake`'s."""

_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def is_later(version: str, than: str = VERSION) -> bool:
    """Whether a released version comes after another; what isn't `1.2.3` (a preview, say) never does."""
    found, other = (_NUMBERS.fullmatch(text) for text in (version, than))
    if found is None or other is None:
        return False
    return [int(number) for number in found.groups()] > [int(number) for number in other.groups()]
