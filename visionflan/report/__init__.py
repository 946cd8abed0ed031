"""HTML reports: one page about a run, one about a comparison, and one about the catalog."""
