"""Figures: metrics, corpora, baselines, reports and contact sheets."""
