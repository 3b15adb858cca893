"""Corpora that were filmed, or whose faces were measured."""
