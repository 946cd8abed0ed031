"""Turn releases on disk into a build directory: sample, check, deduplicate, hold out, write."""
