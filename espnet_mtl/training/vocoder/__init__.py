"""Training of source-filter vocoders: on natural speech, and on what an acoustic model predicts."""
