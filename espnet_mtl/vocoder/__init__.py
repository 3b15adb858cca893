"""From a log-mel spectrogram to a waveform: vocoders, and the function that builds the one of a model."""
