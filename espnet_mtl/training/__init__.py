"""Stage 5: training and fine-tuning."""
