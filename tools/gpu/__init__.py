"""`tools/benchmark.py gpu`: training and speaking on a GPU."""
