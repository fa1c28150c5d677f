"""Signing in: passwords, sessions, API tokens."""
