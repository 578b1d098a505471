"""Checks flows before they take calls (pure)."""
