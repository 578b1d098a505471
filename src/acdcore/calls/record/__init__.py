"""What becomes of a call's history: its record, its live state, the event log and the event stream."""
