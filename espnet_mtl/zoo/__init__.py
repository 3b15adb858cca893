"""Packed models: made, found, checked and opened."""
