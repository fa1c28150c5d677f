"""What a worker sees first: my work, and the triage board of a team."""
