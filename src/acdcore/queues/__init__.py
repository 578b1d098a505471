"""The ACD: who waits, who is free, and who gets whom, decided by one deterministic writer."""
