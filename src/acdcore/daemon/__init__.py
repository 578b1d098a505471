"""The daemon: builds, starts, watches, reloads and stops all parts."""
