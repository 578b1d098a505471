"""The dispatcher's journal as data: lines, checkpoints, and what a restart takes over; no input or output."""
