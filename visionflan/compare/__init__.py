"""Compare two checkpoints item by item: what a stage changed, and what could be chance."""
