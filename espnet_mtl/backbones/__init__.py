"""Backbones: ESPnet's TTS networks with a style input and taps."""

from espnet_mtl.registry import Registry

BACKBONES = Registry("tts", {"fastspeech2": "espnet_mtl.backbones.fastspeech2:MTLFastSpeech2"})
"""Backbones by the name that `tts:` takes."""

ESPNET_CLASSES = {"fastspeech2": "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2"}
"""The class of ESPnet whose constructor arguments are the keys of `tts_conf`."""

TAPS = ("encoder", "style", "shared", "mel")
"""Where a head may listen (see `espnet_mtl.model`)."""
