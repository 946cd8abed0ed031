"""Judges: language models that score answers which rules cannot read."""
