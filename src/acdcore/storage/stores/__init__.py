"""What is kept, one module for each kind: agents, customers, history, lists, registrations."""
