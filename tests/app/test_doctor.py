"""`taxops doctor`: what a new installation still lacks, said before it hurts."""

import dataclasses
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner

from app import diagnosis
from app.cli.main import cli
from core import clock
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryAttempt, DeliveryState
from tests.fixtures.world import World

PASSWORD = "Correct-Horse-7"


def doctor(runner: CliRunner) -> str:
    return runner.invoke(cli, ["doctor"]).output


def test_a_top_unit_without_a_team_is_named(tmp_path: Path) -> None:
    runner = CliRunner(env={"TAXOPS_HOME": str(tmp_path), "TAXOPS_DATABASE_URL": ""})
    assert runner.invoke(cli, ["init"]).exit_code == 0
    for kind in ("system", "security", "audit"):
        made = runner.invoke(cli, ["admin", "create", kind, "--kind", kind, "--password", PASSWORD])
        assert made.exit_code == 0, made.output
    assert "has no team" in doctor(runner)


def test_the_demo_lacks_no_team(tmp_path: Path) -> None:
    runner = CliRunner(env={"TAXOPS_HOME": str(tmp_path), "TAXOPS_DATABASE_URL": ""})
    assert runner.invoke(cli, ["init"]).exit_code == 0
    loaded = runner.invoke(cli, ["demo", "load", "--scale", "small"])
    assert loaded.exit_code == 0, loaded.output
    assert "has no team" not in doctor(runner)


def test_the_administrators_home_asks_no_other_machine(world: World) -> None:
    """It says what became of the last mail; a dead relay must not hold the page."""
    with world.write() as session:
        mail = session.scalars(sa.select(Channel).where(Channel.kind == ChannelKind.EMAIL)).one()
        now = clock.now()
        delivery = Delivery(
            key="k", topic="page", person_id=world.people["on-call"], channel_id=mail.id, address="a", subject="s",
            body="b", url="/", ref="INC-1", created_at=now, next_try_at=now, state=DeliveryState.WAITING,
        )  # fmt: skip
        session.add(delivery)
        session.flush()
        delivery_id = delivery.id
    settings = dataclasses.replace(world.app.config["TAXOPS"], smtp_url="smtp://192.0.2.1:25")
    for error, state, says in ((None, "ok", "送出"), ("550 refused", "critical", "550 refused")):
        with world.write() as session:
            session.add(DeliveryAttempt(delivery_id=delivery_id, at=clock.now(), took_ms=5, error=error))
        with world.read() as session:
            (found,) = [each for each in diagnosis.of_running(settings, session) if "192.0.2.1:25" in each.text]
        assert found.state == state
        assert says in found.text
