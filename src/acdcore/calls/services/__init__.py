"""Services beside a call: HTTP look-ups of flows and e-mail notices."""
