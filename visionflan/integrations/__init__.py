"""Doors through which other harnesses ask our checkpoints; none of them is a dependency."""
