"""Custody: who holds a matter, who is being waited for, and the one verb that changes it."""
