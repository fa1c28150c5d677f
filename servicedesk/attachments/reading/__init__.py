"""What is written inside of attachments, for the search: read in a child process that may die, kept in the database."""
