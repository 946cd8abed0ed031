"""Compare two models by their stored answers to the same questions."""

COMPARISON_DIR = "comparison"  # where a run keeps the comparison of its stages
