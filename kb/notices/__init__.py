"""Notices: to units and services, for a time, with receipts where they must be read (K-04)."""
