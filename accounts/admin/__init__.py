"""Administration of units, people, teams, roles; the audit trail; and what failed in the background."""
