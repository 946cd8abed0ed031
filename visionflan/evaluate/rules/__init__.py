"""Answer-parsing rules that several benchmarks share, or that are long."""
