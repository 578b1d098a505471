"""Opening hours, holidays and special days."""
