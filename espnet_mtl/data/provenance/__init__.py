"""What the outputs of stages 2 to 4 were made from, and whether what lies there goes with a configuration."""
