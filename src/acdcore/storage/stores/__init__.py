"""The stores, one module for each kind of data: agents, customers, history, lists, registrations."""
