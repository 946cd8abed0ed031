"""What an evaluation leaves on disk, and where."""
