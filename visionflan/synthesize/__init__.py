"""Synthesize instances from annotations; all are marked as synthetic."""
