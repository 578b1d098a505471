"""The machine that walks a flow with one caller (pure)."""
