"""What is offered while somebody reports: articles, notices, and neighbours' matters as public cards (T-08)."""
