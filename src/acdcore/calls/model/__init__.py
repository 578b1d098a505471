"""What calls are described by: history, rows, commands, agents and customers, and what storage must provide (pure)."""
