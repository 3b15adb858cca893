"""Corpora: where their files are and how their labels read."""
