"""A live call and its legs."""
