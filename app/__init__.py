"""The only room that knows all others: factory, wiring, entry points, scheduler."""
