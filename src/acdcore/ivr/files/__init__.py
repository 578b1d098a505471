"""Flows and system prompts as they stand in their files."""
