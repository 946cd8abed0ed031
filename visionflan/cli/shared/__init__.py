"""Arguments and tables that several commands share."""
