"""Studies: questions about many models, answered by runs with replicates and intervals."""
