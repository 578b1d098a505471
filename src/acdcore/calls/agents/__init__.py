"""Agents: who is where, their phones, how these ring, and nailed-up legs."""
