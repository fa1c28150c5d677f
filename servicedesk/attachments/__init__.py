"""Attachments (T-18): typed by their content, kept by their hash, served as downloads only."""
