"""Tickets: incidents now; requests, problems and changes have their kind, their states and an empty table ready."""
