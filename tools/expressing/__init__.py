"""What `tools/expression.py` measures."""
