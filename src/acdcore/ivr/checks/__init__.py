"""What makes a flow fit for calls (pure)."""
