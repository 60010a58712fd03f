"""Finding, preparing and starting Krita: for `colorize krita`, the demo and the tests in real Krita."""
