"""Checks and their states, samples, alerts: what is wrong now, and how we know."""
