"""Random mutation of every file that the stages read: see `tools/fuzz.py`."""
