"""Tools for authors of dataset files: a linter, a spelling check and a template."""
