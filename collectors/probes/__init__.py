"""One module a probe."""
