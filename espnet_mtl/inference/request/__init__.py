"""What a caller wants said, and how, checked and made into what a model takes."""
