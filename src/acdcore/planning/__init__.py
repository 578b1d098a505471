"""Knowing why and what if: recorded days replayed and changed, forecasts, staffing."""
