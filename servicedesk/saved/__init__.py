"""Filters of the ticket list that are kept under a name: shipped for a role, one's own, or shared with a team."""
