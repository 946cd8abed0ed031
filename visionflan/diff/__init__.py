"""The difference between two builds: which rows were added, lost and changed, and why."""
