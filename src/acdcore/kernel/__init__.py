"""The ground floor: clocks, deadlines, ids, addresses and errors that every room may use."""
