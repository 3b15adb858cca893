"""The demo page: it speaks through the server's own waiting line, and shows what was said."""
