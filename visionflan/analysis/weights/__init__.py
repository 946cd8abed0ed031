"""Weights of checkpoints on disk: exchanged, interpolated and compared, a tensor at a time."""
