"""One Alembic history for every room."""
