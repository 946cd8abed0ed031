"""Evaluate checkpoints on questions about images: answer, store every answer, score."""
