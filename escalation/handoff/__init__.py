"""Handing up: an object of its own, from the sheet to acceptance or return."""
