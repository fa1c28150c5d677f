"""Tables that only grow: the database itself refuses to change a row, and to delete one before its time.

The controlled way out is time, told by the database's own clock: no setting, role or flag of the program opens it.
"""

from __future__ import annotations

from alembic import op

KEPT_DAYS = 400  # policies.md, "Monitoring": audit 400 days


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def install(table: str, received_at: str, key: str = "id") -> None:
    """Guard `table`; `received_at` is the column that says when a row came, by which it may go; `key` its primary key."""
    for statement in _postgresql(table, received_at) if _is_postgresql() else _sqlite(table, received_at, key):
        op.execute(statement)


def remove(table: str) -> None:
    """Take the guard away, before the table itself goes."""
    if _is_postgresql():
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(f"DROP TRIGGER {table}_not_emptied ON {table}")
        op.execute(f"DROP FUNCTION {table}_append_only()")
    else:
        for name in ("not_changed", "not_deleted", "not_replaced"):
            op.execute(f"DROP TRIGGER {table}_{name}")


def _postgresql(table: str, received_at: str) -> tuple[str, ...]:
    return (
        f"""
        CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF OLD.{received_at} < now() - interval '{KEPT_DAYS} days' THEN
                    RETURN OLD;
                END IF;
            END IF;
            RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation';
        END $$
        """,
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_append_only()
        """,
        f"""
        CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()
        """,
    )


def _sqlite(table: str, received_at: str, key: str) -> tuple[str, ...]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    young = f"OLD.{received_at} >= datetime('now', '-{KEPT_DAYS} days')"
    # the last one: INSERT OR REPLACE deletes without asking the second
    known = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608  our own names
    return (
        f"CREATE TRIGGER {table}_not_changed BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table} WHEN {young} {refuse}",
        f"CREATE TRIGGER {table}_not_replaced BEFORE INSERT ON {table} WHEN {known} {refuse}",
    )
