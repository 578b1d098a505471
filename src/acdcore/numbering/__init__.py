"""Telephone numbers: one canonical form inside, the trunks' forms outside, and what makes two equal (pure)."""
