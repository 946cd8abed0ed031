"""Web pages for a browser on the same machine: the catalog, and the content of builds."""
