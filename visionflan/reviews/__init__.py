"""Reviews of tasks: who accepted which words and code, and the comments, in a file a dataset."""
