"""A web page or an API: does it answer, what, how fast, and how long its certificate still lasts."""

from __future__ import annotations

import base64
import json
import math
import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from collectors import certificates, net
from collectors.base import About, Outcome, Params, PollerFault, Probe, State
from collectors.findings import Findings
from collectors.http_client import Answer, Request, exchange, split_url
from collectors.patterns import PatternText, found_in, json_at
from collectors.text import duration_text, names
from collectors.thresholds import RangeText
from core import clock
from core.i18n import gettext as _
from core.i18n import lazy

MAX_REDIRECTS = 5
SHOWN_CHARS = 300


def _statuses(text: str) -> str:
    for part in names(text):
        low, _dash, high = part.partition("-")
        if not (low.isdecimal() and (not _dash or high.isdecimal())) or not 100 <= int(low) <= int(high or low) <= 599:  # noqa: PLR2004  RFC 9110 section 15
            raise ValueError(_("状态码写法有误：%(part)s；写成 200 或 200-299，用逗号分隔", part=part))
    return text


class HttpParams(Params):
    """What a good answer looks like; times are seconds."""

    method: Annotated[Literal["GET", "HEAD"], About(lazy("请求方法"))] = "GET"
    status: Annotated[str, About(lazy("正常的状态码，如 200-299,401")), AfterValidator(_statuses)] = "200-299"
    contains: Annotated[str, About(lazy("页面必须包含的文字")), Field(max_length=1000)] = ""
    excludes: Annotated[str, About(lazy("页面不能包含的文字")), Field(max_length=1000)] = ""
    pattern: Annotated[PatternText, About(lazy("页面必须匹配的正则表达式"))] = ""
    json_path: Annotated[str, About(lazy("取 JSON 里的值，如 status.items[0].state")), Field(max_length=500)] = ""
    json_equals: Annotated[str, About(lazy("取到的值应当等于")), Field(max_length=1000)] = ""
    json_warning: Annotated[RangeText, About(lazy("取到的数值的警告阈值"))] = ""
    json_critical: Annotated[RangeText, About(lazy("取到的数值的严重阈值"))] = ""
    follow: Annotated[bool, About(lazy("是否跟随跳转"))] = True
    time_warning: Annotated[RangeText, About(lazy("总用时警告阈值"), "s")] = "3"
    time_critical: Annotated[RangeText, About(lazy("总用时严重阈值"), "s")] = "8"
    days_warning: Annotated[RangeText, About(lazy("证书剩余天数警告阈值"), "d")] = "21:"
    days_critical: Annotated[RangeText, About(lazy("证书剩余天数严重阈值"), "d")] = "7:"
    verify: Annotated[bool, About(lazy("是否核对证书链与主机名"))] = True
    ca_file: Annotated[str, About(lazy("自建 CA 的 PEM 文件路径")), Field(max_length=1000)] = ""
    server_name: Annotated[str, About(lazy("SNI 主机名；空则用网址里的")), Field(max_length=253)] = ""
    address: Annotated[str, About(lazy("直接连这个地址，不解析网址里的主机名")), Field(max_length=253)] = ""
    user: Annotated[str, About(lazy("基本认证的用户名")), Field(max_length=200)] = ""
    password: Annotated[str, About(lazy("基本认证的密码"), secret=True), Field(max_length=200, repr=False)] = ""
    bearer: Annotated[str, About(lazy("Bearer 令牌"), secret=True), Field(max_length=4000, repr=False)] = ""


class HttpProbe(Probe[HttpParams]):
    """A web server as its users see it."""

    type = "http"
    label = lazy("网页与接口")
    target_help = lazy("网址 http://… 或 https://…")
    example = "http://127.0.0.1:8000/healthz"
    params = HttpParams

    async def measure(self, target: str, params: HttpParams, *, deadline: float) -> Outcome:
        """Ask, follow redirects, look at the answer."""
        found = Findings()
        began = time.monotonic()
        try:
            answer = await _fetch(target, params, deadline)
        except net.TargetDown as down:
            found.note(State.CRITICAL, str(down))
            return found.outcome()
        total = time.monotonic() - began
        _judge_status(found, params, answer)
        found.judged(
            "response_seconds",
            total,
            "s",
            warning=params.time_warning,
            critical=params.time_critical,
            text=_("用时 %(time)s", time=duration_text(total)),
        )
        for phase, seconds in answer.phases.items():
            found.sample("phase_seconds", seconds, "s", {"phase": phase})
        found.sample("response_bytes", len(answer.body), "B")
        if answer.distrusted:
            found.note(State.CRITICAL, _("证书不受信任：%(why)s", why=answer.distrusted))
        if answer.certificate is not None:
            certificates.judge(
                found, answer.certificate, clock.now(), warning=params.days_warning, critical=params.days_critical
            )
        await _judge_body(found, params, answer)
        return found.outcome()


async def _fetch(url: str, params: HttpParams, deadline: float) -> Answer:
    home = split_url(url)
    for _hop in range(MAX_REDIRECTS + 1):
        here = split_url(url)
        same_place = (here[0].scheme, here[0].hostname, here[1]) == (home[0].scheme, home[0].hostname, home[1])
        answer = await exchange(
            Request(
                url,
                params.method,
                _credentials(params) if same_place else {},
                params.verify,
                params.ca_file,
                params.server_name if same_place else "",
                params.address if same_place else "",
            ),
            deadline=deadline,
        )
        onward = answer.redirect() if params.follow else None
        if onward is None:
            return answer
        if not onward.startswith(("http://", "https://")):
            raise net.TargetDown(_("跳转到了不支持的地址 %(url)s", url=onward[:SHOWN_CHARS]))
        url = onward
    raise net.TargetDown(_("跳转超过 %(count)d 次", count=MAX_REDIRECTS))


def _credentials(params: HttpParams) -> dict[str, str]:
    if params.bearer:
        return {"Authorization": f"Bearer {params.bearer}"}
    if params.user:
        pair = base64.b64encode(f"{params.user}:{params.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _judge_status(found: Findings, params: HttpParams, answer: Answer) -> None:
    well = any(_covers(part, answer.status) for part in names(params.status))
    found.evidence["status"] = answer.status
    found.evidence["url"] = answer.url
    found.sample("http_status", answer.status)
    if not well and answer.status in (401, 403) and (params.user or params.bearer):
        raise PollerFault(_("用户名、密码或令牌不被接受（%(status)d）", status=answer.status), _("更新检查的凭据"))
    text = (
        _("状态码 %(status)d", status=answer.status)
        if well
        else _("状态码 %(status)d，应为 %(wanted)s", status=answer.status, wanted=params.status)
    )
    found.note(State.OK if well else State.CRITICAL, text)


def _covers(part: str, status: int) -> bool:
    low, _dash, high = part.partition("-")
    return int(low) <= status <= int(high or low)


async def _judge_body(found: Findings, params: HttpParams, answer: Answer) -> None:
    text = answer.text()
    before = len(found.samples)
    if params.contains and params.contains not in text:
        found.note(State.CRITICAL, _("页面里没有“%(text)s”", text=params.contains))
    if params.excludes and params.excludes in text:
        found.note(State.CRITICAL, _("页面里出现了“%(text)s”", text=params.excludes))
    if params.pattern and not await found_in(params.pattern, text):
        found.note(State.CRITICAL, _("页面不匹配 %(pattern)s", pattern=params.pattern))
    if params.json_path:
        _judge_json(found, params, text)
    if before == len(found.samples) and (params.contains or params.pattern or params.json_path):
        found.evidence["body"] = text[:SHOWN_CHARS]


def _judge_json(found: Findings, params: HttpParams, text: str) -> None:
    try:
        value = json_at(json.loads(text), params.json_path)
    except LookupError as error:
        found.note(State.CRITICAL, _("JSON 里没有 %(path)s（缺 %(step)s）", path=params.json_path, step=error))
        return
    except json.JSONDecodeError:
        found.note(State.CRITICAL, _("回答不是 JSON"))
        return
    except ValueError as error:
        raise PollerFault(str(error), _("改正参数 json_path")) from None
    found.evidence["json_value"] = value if isinstance(value, (str, int, float, bool, type(None))) else _plain(value)
    if params.json_equals and _plain(value) != params.json_equals:
        found.note(
            State.CRITICAL,
            _(
                "%(path)s 是 %(value)s，应为 %(wanted)s",
                path=params.json_path,
                value=_plain(value)[:SHOWN_CHARS],
                wanted=params.json_equals,
            ),
        )
    _judge_number(found, params, value)


def _judge_number(found: Findings, params: HttpParams, value: object) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        found.judged(
            "json_value",
            value,
            warning=params.json_warning,
            critical=params.json_critical,
            labels={"path": params.json_path},
            text=f"{params.json_path} = {value:g}",
        )
    elif params.json_warning or params.json_critical:
        found.note(
            State.CRITICAL, _("%(path)s 不是数值：%(value)s", path=params.json_path, value=_plain(value)[:SHOWN_CHARS])
        )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
