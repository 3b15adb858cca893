"""Classifiers and recognizers that learn from natural speech only."""
