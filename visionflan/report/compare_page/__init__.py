"""The page about two checkpoints."""
