"""`taxops doctor`: what a new installation still lacks, said before it hurts."""

import dataclasses
import datetime as dt
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner

from accounts.models import AuditRow
from app import clocks, diagnosis
from app.cli.main import cli
from core import clock
from core.schedule.models import ClockJump
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


def test_clocks_that_disagree_are_told(world: World) -> None:
    """A jump that was followed, one of a machine that is wrong, and records from the future."""
    now = clock.now()
    with world.read() as session:
        assert [each.state for each in clocks.findings(session)] == ["ok"]
    for seconds, followed, moved, says in (
        (3600, True, 3600, "被拨快了 60 分钟"),
        (-3600, True, None, "现已改正"),
        (-3600, False, None, "这台机器的时钟是错的"),
    ):
        with world.write() as session:
            session.add(ClockJump(at=now, seconds=seconds, process="web-1", followed=followed, moved=moved))
        with world.read() as session:
            (found,) = clocks.findings(session)
        assert found.state == "warning"
        assert says in found.text
        assert "web-1" in found.text
    with world.write() as session:
        session.execute(sa.delete(ClockJump))
        later = now + dt.timedelta(minutes=60)
        session.add(AuditRow(at=later, received_at=later, actor="a", verb="create", object="o", from_address=""))
    with world.read() as session:
        (found,) = clocks.findings(session)
    assert "60 分钟之后" in found.text
