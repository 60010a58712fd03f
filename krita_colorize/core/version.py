"""The version of this docker, and the comparison with other versions."""

from __future__ import annotations

import re

VERSION = "0.1.0"
"""The backend has the same version (a test compares them); `core.handshake` checks whether both have the same API."""

_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def is_later(version: str, than: str = VERSION) -> bool:
    """Whether a version is later than another; False for versions of another form than `1.2.3`, such as previews."""
    found, other = (_NUMBERS.fullmatch(text) for text in (version, than))
    if found is None or other is None:
        return False
    return [int(number) for number in found.groups()] > [int(number) for number in other.groups()]
