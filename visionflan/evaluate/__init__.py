"""Ask checkpoints questions about pictures, keep every answer, and score what was kept."""
