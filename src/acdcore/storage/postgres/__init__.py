"""The connection to PostgreSQL, a server of our own, and its tables."""
