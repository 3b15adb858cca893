"""Kaldi-style directories, splits, label tables and features."""
