"""Write instances that no annotator wrote; all are marked as synthetic."""
