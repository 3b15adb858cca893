"""What is extracted of faces: one file an extractor."""
