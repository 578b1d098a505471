"""A scripted phone, load tools, and the benchmarks that are built from them."""
