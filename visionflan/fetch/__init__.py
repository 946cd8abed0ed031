"""Download images that a list names by URL: politely, resumably, and each checked by content."""
