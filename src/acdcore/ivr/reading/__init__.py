"""Values as words and as sequences of prompts (pure)."""
