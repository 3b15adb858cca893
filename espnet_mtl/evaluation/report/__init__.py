"""Table and page of an evaluation."""
