"""Installs the backend for an artist: finds or brings Python, downloads, installs, checks, then switches to it.

Standard library only, knows neither Qt nor Krita: the docker runs it on a thread, `python -m krita_colorize.setup` in a
terminal, and the `colorize` script of a clone takes its table of torch builds from here. Trouble is told as
`core.errors.UserError`; the installation that works is the one `backend.json` names, and that file is written last.
"""
