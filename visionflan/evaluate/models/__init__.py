"""What an evaluation can put questions to."""
