"""`taxops doctor`: what a new installation still lacks, said before it hurts."""

from pathlib import Path

from click.testing import CliRunner

from app.cli.main import cli

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
