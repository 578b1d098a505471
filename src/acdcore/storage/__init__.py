"""PostgreSQL, migrations, the durable spool and the directory in memory."""
