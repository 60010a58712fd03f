"""Starts real Krita with temporary profiles and controls it, for the demo and for the tests."""
