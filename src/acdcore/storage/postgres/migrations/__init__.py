"""SQL files that make the tables; see `acdcore.storage.postgres.migrate`."""
