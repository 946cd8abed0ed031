"""Find what a build shares with benchmarks: equal images, copies of images, and equal words."""
