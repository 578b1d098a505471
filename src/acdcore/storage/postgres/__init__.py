"""The connection to PostgreSQL, the embedded server, and the tables."""
