"""From releases on disk to a build directory: choose, check, deduplicate, hold out, write."""
