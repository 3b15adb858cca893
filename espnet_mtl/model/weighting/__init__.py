"""Task balancing: how the task losses become the one loss that is trained."""
