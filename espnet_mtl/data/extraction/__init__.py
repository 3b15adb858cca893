"""What stage 3 computes of a recording."""
