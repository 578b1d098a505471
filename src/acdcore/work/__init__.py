"""Work that waits for an agent while no caller is on the line: callbacks and messages."""
