"""Which engines there are."""

from __future__ import annotations

import subprocess
import sys

import pytest
from colorizer.engines import registry
from colorizer.errors import UnknownEngine


def test_match_is_the_default() -> None:
    assert registry.names()[0] == "match"


@pytest.mark.parametrize("name", registry.names())
def test_names_lead_to_engines(name: str) -> None:
    engine = registry.get(name)
    assert engine.info.name == name
    assert registry.get(name) is engine


@pytest.mark.parametrize("name", registry.names())
def test_info_loads_no_torch(name: str) -> None:
    ask = f"registry.get({name!r}).info"
    code = f"from colorizer.engines import registry; import sys; {ask}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_unknown_name_gets_a_hint() -> None:
    with pytest.raises(UnknownEngine, match="no engine 'macth'. Did you mean 'match'"):
        registry.get("macth")
    with pytest.raises(UnknownEngine, match="Choose one of: match"):
        registry.get("os:system")


def test_listing_imports_no_engine() -> None:
    code = "from colorizer.engines import registry; import sys; registry.names(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
