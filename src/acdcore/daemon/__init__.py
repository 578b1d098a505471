"""The daemon: built, started, watched, reloaded and stopped."""
