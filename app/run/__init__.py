"""Entry points of the running program."""
