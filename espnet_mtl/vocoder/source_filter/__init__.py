"""A neural source-filter vocoder: excitations at F0, filtered in the STFT domain as a network reads off the mel."""
