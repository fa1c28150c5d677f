"""The doors: staff and vendors may sign in at addresses of their own, each from its networks only."""
