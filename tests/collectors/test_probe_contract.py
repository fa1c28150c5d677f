"""What every probe must keep, whatever it looks at."""

from __future__ import annotations

import asyncio
import errno
import json
import math
import time
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import About, Outcome, Params, PollerFault, Probe, Sample, State, worst
from collectors.describe import parameters
from collectors.findings import Findings
from collectors.registry import PROBES, probe_class
from collectors.run import check
from core.errors import Invalid
from core.i18n import lazy


class OneParam(Params):
    word: Annotated[str, About(lazy("一句话"))] = ""


class Broken(Probe[OneParam]):
    """Fails as it is told."""

    type = "broken"
    label = lazy("坏的")
    target_help = lazy("无")
    example = "x"
    params = OneParam

    def __init__(self, failure: BaseException | Outcome | float) -> None:
        self.failure = failure

    async def measure(self, target: str, params: OneParam, *, deadline: float) -> Outcome:
        if isinstance(self.failure, BaseException):
            raise self.failure
        if isinstance(self.failure, float):
            await asyncio.sleep(self.failure)
            return Outcome(State.OK, "too late")
        return self.failure


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EACCES, errno.EPERM,
                                    errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EIO])  # fmt: skip
async def test_M_10_the_pollers_own_limits_are_unknown(number):
    result = await check(Broken(OSError(number, "no")), "x", {})
    assert result.state is State.UNKNOWN
    assert result.evidence["fault"] == "poller"


async def test_M_10_a_bug_is_unknown_and_its_log_shows_no_values(capsys):
    result = await check(Broken(RuntimeError("password=hidden-word")), "x", {})
    assert result.state is State.UNKNOWN
    assert "RuntimeError" in result.output
    assert "hidden-word" not in result.output
    assert "hidden-word" not in "".join(capsys.readouterr())


async def test_M_10_a_fault_says_what_to_do():
    result = await check(Broken(PollerFault("缺驱动", "安装驱动")), "x", {})
    assert (result.state, "安装驱动" in result.output) == (State.UNKNOWN, True)


async def test_M_10_file_descriptors_used_up_is_unknown_for_a_real_probe(look):
    """The limit is lowered for real, in this process, for one check."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    asyncio.get_running_loop()
    held = [Path("/dev/null").open()]  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0].fileno() + 1, hard))
    try:
        while True:
            held.append(Path("/dev/null").open())  # noqa: SIM115
    except OSError:
        pass
    try:
        result = await look("tcp", "127.0.0.1:9")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in held:
            file.close()
    assert result.state is State.UNKNOWN, result.output
    assert "ulimit" in result.output


async def test_the_time_limit_always_holds():
    began = time.monotonic()
    result = await check(Broken(30.0), "x", {}, timeout_s=1.5)
    assert time.monotonic() - began < 5
    assert result.state is State.CRITICAL
    assert "1.5" in result.output


@pytest.mark.parametrize(("hogged_s", "limit_s"), [(2.6, 0.2), (0.7, 1.0)])
async def test_M_10_a_starved_poller_does_not_blame_the_target(hogged_s: float, limit_s: float):
    class Starved(Broken):
        async def measure(self, target: str, params: OneParam, *, deadline: float) -> Outcome:
            await asyncio.sleep(0)
            time.sleep(hogged_s)  # something hogs the loop
            await asyncio.sleep(5)
            return Outcome(State.OK, "")

    result = await check(Starved(0.0), "x", {}, timeout_s=limit_s)
    assert result.state is State.UNKNOWN
    assert "过载" in result.output


async def test_M_09_nan_and_infinity_are_refused_and_counted():
    samples = (Sample("a", math.nan), Sample("b", math.inf), Sample("c", 1))
    result = await check(Broken(Outcome(State.OK, "", samples)), "x", {})
    assert [s.metric for s in result.samples] == ["c"]
    assert result.evidence["refused_samples"] == 2


async def test_what_a_target_says_becomes_clean_text_and_strict_json():
    """A NUL byte, half a character, a terminal's escape, NaN: no database and no page gets to see them."""
    dirty = "a\x00b\x1b[31m\ud800" + "x" * 10_000
    evidence = {"k\x00": [dirty, math.nan, {"n": (1, 2.5, True, None)}], "odd": b"\x00", "big": 2**70}
    sample = Sample("m", 1, labels={"interface": dirty})
    result = await check(Broken(Outcome(State.OK, dirty, (sample,), evidence)), "x", {})
    words = json.dumps(dict(result.evidence), allow_nan=False, ensure_ascii=False)
    for shown in (words, result.output, result.samples[0].labels["interface"]):
        shown.encode("utf-8")
        assert "\x00" not in shown
        assert "\\u0000" not in shown
        assert "\x1b" not in shown
    assert len(result.output) <= 4000
    assert len(result.samples[0].labels["interface"]) <= 200
    assert result.evidence["big"] == 2**70


async def test_cancelling_a_check_is_no_result():
    with pytest.raises(asyncio.CancelledError):
        await check(Broken(asyncio.CancelledError()), "x", {})


@given(st.lists(st.sampled_from(State)))
def test_the_worst_state_wins(states):
    order = [State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK]
    assert worst(*states) is next((s for s in order if s in states), State.UNKNOWN)


def test_findings_say_the_bad_things_first_or_everything_when_all_is_well():
    found = Findings()
    found.judged("a", 5, text="甲 5", warning="10")
    assert found.outcome().output == "甲 5"
    found.judged("b", 50, text="乙 50", warning="10", critical="40")
    found.judged("c", 1, text="丙", warning="10", quiet=True)
    outcome = found.outcome()
    assert (outcome.state, outcome.output) == (State.CRITICAL, "乙 50")
    assert outcome.evidence["thresholds"]["b"] == ["10", "40"]
    assert len(outcome.samples) == 3


@pytest.mark.parametrize("name", sorted(PROBES))
def test_every_parameter_is_explained_and_every_secret_hidden(name):
    probe = probe_class(name)
    assert probe.type == name
    given = {}
    for parameter in parameters(probe):
        assert str(parameter.text) != "（没有说明）", parameter.name
        assert any("\u4e00" <= c <= "\u9fff" for c in str(parameter.text))
        if parameter.secret:
            given[parameter.name] = "hidden-word-77"
        assert parameter.secret == any(part in parameter.name for part in ("password", "community", "bearer"))
    assert "hidden-word" not in repr(probe.params.model_validate(given))
    if name != "process":
        assert probe.example


def test_every_metric_has_a_name_for_people():
    """Each metric a probe may give, read from the probes' own code."""
    import ast

    import collectors
    from collectors.snmp.tables import ERROR_COLUMNS
    from monitor.pages.metrics import TITLES

    given = {f"load{n}" for n in (1, 5, 15)} | set(ERROR_COLUMNS) | {"if_in_bps", "if_out_bps"}
    for path in (Path(collectors.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in ("judged", "sample")
                )
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                given.add(node.args[0].value)
    assert len(given) > 40
    assert given - set(TITLES) == set()


def test_an_unknown_type_names_those_there_are():
    with pytest.raises(Invalid, match="http"):
        probe_class("nonsense")
