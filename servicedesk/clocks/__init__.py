"""Clocks: how long a ticket has taken and until when each promise runs, computed from the ticket's own facts."""
