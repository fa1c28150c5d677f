"""What is found on this machine without being told."""

from __future__ import annotations

from collectors.base import State
from collectors.discover import discover, listeners
from collectors.registry import PROBES
from collectors.run import check
from tests.servers.base import free_port
from tests.servers.nginx import Nginx


async def test_the_machine_its_disks_its_own_page_and_database_are_proposed(tmp_path):
    database = tmp_path / "taxops.db"
    found = await discover(own_url="http://127.0.0.1:8000/healthz", database_file=database)
    kinds = {proposal.key for proposal in found}
    assert ("host", "localhost") in kinds
    assert ("disk", "/") in kinds
    assert ("http", "http://127.0.0.1:8000/healthz") in kinds
    assert ("sqlite", str(database)) in kinds
    assert len(kinds) == len(found), "each once"


async def test_every_proposal_is_a_check_that_can_be_run(nginx):
    for proposal in await discover(min_age_s=0):
        result = await check(PROBES[proposal.type](), proposal.target, proposal.params)
        assert not result.output.startswith("参数有误"), (proposal, result.output)
        assert proposal.name
        assert proposal.item_type


async def test_a_web_server_is_found_with_its_page(nginx, tls_nginx):
    found = {proposal.target: proposal for proposal in await discover(min_age_s=0)}
    for server, scheme in ((nginx, "http"), (tls_nginx, "https")):
        proposal = found[f"{scheme}://127.0.0.1:{server.port}/"]
        assert "nginx" in proposal.name
        result = await check(PROBES["http"](), proposal.target, proposal.params)
        assert result.state is State.OK, result.output


async def test_what_a_page_answers_today_is_what_is_well(tmp_path):
    with Nginx(tmp_path / "n") as server:
        server.configure(locations="location = / { return 403; }")
        server.stop()
        server.launch()
        from tests.servers.base import accepts_tcp, wait_until

        wait_until(lambda: accepts_tcp(server.port), "nginx")
        [proposal] = [p for p in await discover(min_age_s=0) if str(server.port) in p.target]
        assert proposal.params["status"] == "403"


async def test_a_database_is_at_least_a_port(postgresql):
    [proposal] = [p for p in await discover(min_age_s=0) if str(postgresql.port) in p.target]
    assert proposal.item_type == "database"
    assert proposal.type in {"tcp", "postgresql"}


async def test_a_database_that_lets_us_in_is_watched_inside(private_postgresql):
    with private_postgresql.connect() as connection:
        connection.execute("CREATE ROLE postgres LOGIN")
    [proposal] = [p for p in await discover(min_age_s=0) if str(private_postgresql.port) in p.target]
    assert (proposal.type, proposal.params["user"]) == ("postgresql", "postgres")


async def test_a_server_just_started_is_not_yet_a_service(nginx):
    assert [p for p in await discover() if str(nginx.port) in p.target] == []


def test_a_port_nobody_listens_on_is_not_there():
    assert free_port() not in {listener.port for listener in listeners()}
