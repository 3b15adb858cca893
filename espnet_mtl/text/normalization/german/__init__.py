"""How German says what is not written in words."""
