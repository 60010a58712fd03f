"""Evaluation of engines: corpus, metrics, baselines, report and contact sheet."""
