"""Select a part of a build as a list of rows: by hash, by a mixture of tasks, or by coverage."""
