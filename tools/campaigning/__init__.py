"""Disturbing the stages of the recipe: see `tools/campaign.py`."""
