"""A consistent copy of everything this installation knows, and the way back from it (`taxops backup`, `taxops restore`)."""
