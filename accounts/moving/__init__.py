"""Somebody changes their unit or role, or leaves: one action in which old rights end and what they hold is handed over (E-13)."""
