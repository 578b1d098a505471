"""Call scripts: each a coroutine that reads from top to bottom. Begin with `inbound`."""
