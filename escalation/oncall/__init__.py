"""Who is on duty, and paging them until somebody acknowledges (E-06 to E-08, E-10)."""
