"""Every write leaves a row: who, what, before, after, from where."""
