"""The commands beside `run`: checking, asking a running daemon, and looking at recorded days."""
