"""What stage 3 computes of a recording beside the log-mel spectrogram."""
