"""Checks as people and programs define them: verbs, reads, the API and the pages."""
