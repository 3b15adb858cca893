"""Labels for utterances that nobody labelled."""
