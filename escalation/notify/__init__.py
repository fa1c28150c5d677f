"""Notifications: who is told what, by which channel, and what became of each attempt."""
