"""What several commands share: asking the daemon, printing, and reading recorded days."""
