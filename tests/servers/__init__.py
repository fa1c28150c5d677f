"""Real servers for tests: each starts on a free loopback port, waits until it answers, and is ended by its pid."""
