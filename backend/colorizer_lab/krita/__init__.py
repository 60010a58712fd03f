"""Real Krita, started in throw-away profiles and driven: for the demo and for the tests."""
