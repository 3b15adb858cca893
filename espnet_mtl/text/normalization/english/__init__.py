"""How English says what is not written in words."""
