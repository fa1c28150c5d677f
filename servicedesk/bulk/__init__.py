"""One action on many tickets, in the background, with success or the reason of failure for each (T-14)."""
