"""Reads flows and system prompts from their files."""
