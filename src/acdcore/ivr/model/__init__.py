"""Flows, prompts and variables as data (pure)."""
