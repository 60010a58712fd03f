"""Installs the backend for an artist: finds or downloads Python, downloads packages, installs, checks and activates it.

It uses only the standard library, without Qt and Krita: the docker runs it on a thread, `python -m
krita_colorize.setup` runs it in a terminal, and the `colorize` script of a clone uses its table of torch builds.
Errors are raised as `core.errors.UserError`. `backend.json` names the active installation; it is written last.
"""
