"""Fixtures of the docker's tests."""

from docker_stage import model, page, port, ready, scripted_home, session, shared_backend

__all__ = ["model", "page", "port", "ready", "scripted_home", "session", "shared_backend"]
