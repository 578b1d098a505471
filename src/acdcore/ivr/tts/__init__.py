"""Text to speech: voices, engines, and the helper processes that run them."""
