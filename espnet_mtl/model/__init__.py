"""The multi-task network: shared parts, heads, weighting."""
