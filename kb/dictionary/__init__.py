"""The words this bureau adds to what search knows (K-03): kept in the database, heard by every process within a search."""
