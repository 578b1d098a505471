"""SQL files that make the tables; see `acdcore.storage.migrate`."""
