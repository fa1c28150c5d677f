"""Runs a probe so that it always answers, in time, and never blames the target for the poller's fault (M-10)."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from collections.abc import Mapping
from traceback import extract_tb
from typing import Any

import structlog
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from collectors import clean, lateness
from collectors.base import DEFAULT_TIMEOUT_S, CheckResult, Outcome, P, Params, PollerFault, Probe, State
from core import clock, netguard
from core.errors import FieldError, Invalid
from core.i18n import gettext as _

log = structlog.get_logger(__name__)

LATE_S = 2.0
LATE_PART = 0.5
LATE_LEAST_S = 0.25
"""A time limit during which this process stood still for so long, or for such a part of it, was not the target's doing."""


def parse_params(probe: Probe[P], given: Mapping[str, Any]) -> P:
    """Read parameters. Raises core.errors.Invalid naming each wrong one, what was given and what is allowed."""
    try:
        return probe.params.model_validate(dict(given))
    except ValidationError as error:
        fields = [FieldError(".".join(map(str, e["loc"])) or "params", _explain(probe, e)) for e in error.errors()]
        raise Invalid("；".join(f"{f.field}：{f.message}" for f in fields), fields) from None


def _explain(probe: Probe[Any], error: ErrorDetails) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return _("没有这个参数；可用的有 %(names)s", names=", ".join(probe.params.model_fields))
    if error["type"] == "missing":
        return _("必须给出")
    reason = str(error.get("ctx", {}).get("error") or error["msg"])
    if not name or is_secret(probe.params, name):  # without a name the input is all of them, secrets too
        return reason
    return _("给的是 %(given)r：%(reason)s", given=error["input"], reason=reason)


def is_secret(params: type[Params], name: str) -> bool:
    """True for parameters whose value is never shown: passwords, communities, keys."""
    found = params.model_fields.get(name)
    return found is not None and any(getattr(meta, "secret", False) for meta in found.metadata)


async def check(
    probe: Probe[P], target: str, params: Mapping[str, Any], *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> CheckResult:
    """Run one probe once with parameters as data; wrong parameters give UNKNOWN, for they say nothing of the target."""
    deadline = time.monotonic() + timeout_s
    try:
        parsed = parse_params(probe, params)
    except Invalid as error:
        text = clean.text(_("参数有误：%(why)s", why=error.message))
        return CheckResult(State.UNKNOWN, text, (), clock.now(), 0.0, {"fault": "poller"})
    return await probe.run(target, parsed, deadline=deadline)


async def guarded(probe: Probe[P], target: str, params: P, *, deadline: float) -> CheckResult:
    """Measure within `deadline`; whatever happens becomes a result."""
    began = time.monotonic()
    try:
        # the addresses were judged when they were resolved; this is the second lock, on the socket itself
        with netguard.guarded(netguard.Purpose.CHECK), lateness.of_this_loop().watched() as late:
            try:
                async with asyncio.timeout(max(0.0, deadline - began)):
                    outcome = await probe.measure(target, params, deadline=deadline)
            except TimeoutError:
                outcome = _timed_out(probe, deadline - began, late_s=late())
    except PollerFault as fault:
        outcome = _fault(fault.message, fault.remedy)
    except OSError as error:
        outcome = _system_error(error)
    except Exception as error:  # noqa: BLE001  a bug here must not look like the target's fault
        _log_bug(probe.type, error)
        outcome = _fault(
            _("探测程序出错（%(kind)s）", kind=type(error).__name__), _("这是采集程序的缺陷，请把日志交给管理员")
        )
    samples, refused = clean.samples(outcome.samples)
    evidence = clean.json_object(outcome.evidence)
    if refused:
        evidence["refused_samples"] = refused
    took = time.monotonic() - began
    return CheckResult(outcome.state, clean.text(outcome.output), samples, clock.now(), took, evidence)


def _log_bug(probe_type: str, error: Exception) -> None:
    """Where it broke, without the message and the local values: those may hold passwords."""
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__)))
    log.error("probe failed", probe=probe_type, error=type(error).__name__, where=where)


def _timed_out(probe: Probe[Any], limit: float, *, late_s: float) -> Outcome:
    if late_s > min(LATE_S, max(LATE_LEAST_S, LATE_PART * limit)):
        return _fault(
            _("采集端过载：时限内有 %(late).1f 秒没有轮到它运行", late=late_s), _("减少同时进行的检查，或增加采集端")
        )
    return Outcome(probe.timeout_state, str(probe.timeout_text) % {"limit": f"{max(limit, 0.0):.3g}"})


def _fault(message: str, remedy: str) -> Outcome:
    text = _("无法探测：%(why)s", why=message)
    return Outcome(State.UNKNOWN, f"{text}。{remedy}" if remedy else text, evidence={"fault": "poller"})


def _system_error(error: OSError) -> Outcome:
    known = poller_fault(error)
    if known is None:
        known = PollerFault(_("系统错误：%(error)s", error=error.strerror or error), "")
    return _fault(known.message, known.remedy)


def poller_fault(error: OSError) -> PollerFault | None:
    """The poller's own fault behind a system error, or None when the target may well be to blame."""
    if isinstance(error, netguard.RefusedTargetError):
        return PollerFault(str(error), _("请管理员检查设置 TAXOPS_CHECK_NETWORKS"))
    match error.errno or _errno_in_words(error):
        case errno.EMFILE | errno.ENFILE:
            return PollerFault(_("打开的文件或套接字已到上限"), _("调高 ulimit -n 或减少同时进行的检查"))
        case errno.ENOBUFS | errno.ENOMEM:
            return PollerFault(_("采集端内存或缓冲区不足"), _("释放内存或减少同时进行的检查"))
        case errno.EADDRNOTAVAIL:
            return PollerFault(_("采集端没有可用的本地地址或端口"), _("检查采集端的网络地址与端口范围"))
        case errno.ENETUNREACH | errno.ENETDOWN:
            return PollerFault(_("采集端没有到目标的路由"), _("检查采集端的网络连接和默认路由"))
        case errno.EACCES | errno.EPERM:
            return PollerFault(_("采集端权限不足：%(error)s", error=error.strerror), _("给运行账号所需的权限"))
        case _:
            return None


def _errno_in_words(error: OSError) -> int | None:
    """Drivers written in Rust only put the number into the text."""
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None
