"""How Polish says what is not written in words."""
