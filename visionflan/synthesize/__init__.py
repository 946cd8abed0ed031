"""Instances that a language model writes from the human-labeled rows of a build."""
