"""Procedural drawing: identities, views, line styles and references with exact labels, to train on."""
