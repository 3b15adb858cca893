"""Importing what is noisy, slow or has another name now."""
