"""Transactions (RFC 3261 section 17): tables, timers and the layer that holds them (pure)."""
