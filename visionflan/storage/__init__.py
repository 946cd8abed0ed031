"""The build directory on disk: its schema, and reading it from any process."""
