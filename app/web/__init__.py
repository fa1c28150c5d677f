"""What the application adds around every request."""
