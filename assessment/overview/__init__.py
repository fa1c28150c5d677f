"""总览: is the province well, who is drowning, what got worse (pages.md, home of a head)."""
