"""Telephone numbers of a call: caller ID, how trunks write numbers, where a number is at home (pure)."""
