"""Check what lies on disk against recorded digests: builds, checkpoints, published releases."""
