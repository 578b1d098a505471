"""What load testers use: a scripted phone, load tools, and the benchmarks that are built of them."""
