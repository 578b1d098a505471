"""The dispatcher's journal on disk."""
