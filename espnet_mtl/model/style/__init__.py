"""Style vectors: the table, and what mixes its rows."""
