"""One file per academic dataset: provenance, reader, specimen, tasks."""
