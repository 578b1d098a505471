"""The operator's configuration: read, checked and compared before any of it takes effect."""
