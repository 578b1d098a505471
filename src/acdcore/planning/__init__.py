"""Explain and compare days: why a call went as it went, what if, forecasts, staffing."""
