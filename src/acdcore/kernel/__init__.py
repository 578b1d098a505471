"""Clocks, deadlines, ids, addresses and errors that every package may use."""
