"""What a run needs, measured before its first step on tensors without content."""
