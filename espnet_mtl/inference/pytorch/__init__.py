"""What only speaking with PyTorch needs."""
