"""Results in bulk: what is known of each check in memory, what is only the same again, and how rows are read and written."""
