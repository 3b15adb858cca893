"""What is measured on a recording, and figures over many."""
