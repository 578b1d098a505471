"""The ACD decides who waits, who is ready, and who is offered to whom: one deterministic machine and its driver."""
