"""The durable spool: rows on their way to the database."""
