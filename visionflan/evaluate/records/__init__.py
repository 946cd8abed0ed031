"""The files of an evaluation, and where they are."""
