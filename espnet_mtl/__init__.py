"""Multi-task text-to-speech for ESPnet."""

import warnings

__version__ = "0.1.0"

# pyworld still imports it (setuptools<82 in setup.py): nothing that a user could change
warnings.filterwarnings("ignore", "pkg_resources is deprecated as an API", UserWarning)
