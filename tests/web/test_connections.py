"""A request holds one database connection, however many queries its page needs."""

from __future__ import annotations

import sqlalchemy as sa

from tests.fixtures.world import World


def test_a_page_reads_over_one_connection(world: World) -> None:
    taken = 0

    def count(*_event: object) -> None:
        nonlocal taken
        taken += 1

    client = world.client("sec-admin")
    client.get("/admin/people")  # touches the session's last use once
    sa.event.listen(world.engine.pool, "checkout", count)
    try:
        assert client.get("/admin/people").status_code == 200
    finally:
        sa.event.remove(world.engine.pool, "checkout", count)
    assert taken == 1
