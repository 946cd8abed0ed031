"""Aggregate scored records into means with intervals, benchmark metrics and statistics."""
