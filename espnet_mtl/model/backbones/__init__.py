"""Backbones: ESPnet's TTS networks with a style input and taps."""
