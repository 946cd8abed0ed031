"""Adapters that let other evaluation harnesses run our checkpoints; none is a dependency."""
