"""Speech markup: a subset of SSML."""
