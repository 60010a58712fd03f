"""Finds Krita, installs the docker in it and starts it, for `colorize krita`, the demo and the tests in real Krita."""
