"""The machine that walks one caller through a flow (pure)."""
