"""Prompts as sound: recordings, standard prompts and texts read aloud, rendered once."""
