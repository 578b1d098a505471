"""Digest authentication, as server and as client (pure)."""
