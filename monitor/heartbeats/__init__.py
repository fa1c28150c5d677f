"""Heartbeats: whoever should beat and does not is missed (M-16)."""
