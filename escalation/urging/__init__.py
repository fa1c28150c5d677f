"""Urging (催办): tells the holder, and by step the holder's head; limited, counted and visible."""
