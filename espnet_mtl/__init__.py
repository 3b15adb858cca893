"""Multi-task text-to-speech for ESPnet."""

__version__ = "0.1.0"
