"""SIP: messages, transactions, sessions and the drivers that carry them (RFC 3261)."""
