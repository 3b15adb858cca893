"""Configurations and seeds trained on the same data, judged together."""
