"""Work that waits for an agent without anybody on the line: callbacks and messages."""
