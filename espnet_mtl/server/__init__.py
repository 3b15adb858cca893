"""Synthesis over HTTP, in the dialects of OpenAI and Piper: `python -m espnet_mtl.bin.serve`."""
