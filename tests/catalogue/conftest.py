"""A host that misbehaves when told to, and a home of its own for every test."""

import pytest


@pytest.fixture
def host():
    import file_host

    host, server = file_host.serve()
    yield host
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COLORIZE_OFFLINE", raising=False)
    return tmp_path / "home"
