"""The build directory on disk: its schema, its images, and reading it from any process."""
