"""A small Flask application that shows every macro of web/templates/ui under the product's content policy."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import jinja2
from flask import Flask, Response, render_template, request

import web
from core import i18n
from core.errors import Conflict, FieldError, Invalid, NotFound, TaxopsError, TooMany, Unavailable
from web import filters

NOW = dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class Viewer:
    """Somebody signed in."""

    name, login, unit_name, is_authenticated = "王晓燕", "wangxy", "蓝田县税务局", True


class TypedForm:
    """A form with something wrong in it, as web.forms.Form shows it."""

    errors: ClassVar = [FieldError("title", "必填。")]
    typed: ClassVar = {"text": "开票时提示“连接超时”", "urgency": "1", "units": ["xa", "ba"], "agree": "true"}

    def value(self, name: str) -> Any:
        return self.typed.get(name, "")

    def error(self, name: str) -> str | None:
        return next((e.message for e in self.errors if e.field == name), None)

    def required(self, name: str) -> bool:
        return name in {"title", "urgency"}


def _item(label: str, icon: str, *, active: bool = False, badge: int | None = None, letter: str = "") -> dict[str, Any]:
    return {
        "label": label,
        "url": "/" if active else f"/page/{icon}",
        "icon": icon,
        "active": active,
        "badge": badge,
        "letter": letter,
    }


NAV = [
    {
        "label": "服务台",
        "items": [
            _item("首页", "home", active=True, letter="h"),
            _item("我要报障", "plus", letter="n"),
            _item("我的工作", "inbox", badge=7, letter="w"),
            _item("分诊", "filter", badge=12),
            _item("全部事项", "ticket"),
        ],
    },
    {
        "label": "监控",
        "items": [
            _item("告警", "bell", badge=3, letter="a"),
            _item("服务目录", "apps"),
            _item("配置项", "server"),
            _item("值班", "calendar"),
        ],
    },
    {"label": "知识", "items": [_item("知识库", "book"), _item("公告", "megaphone", badge=2)]},
    {"label": "管理", "items": [_item("机构", "building"), _item("人员", "users"), _item("审计", "shield")]},
]
BOTTOM = [
    _item("首页", "home", active=True),
    _item("报障", "plus"),
    _item("待办", "inbox", badge=7),
    _item("告警", "bell", badge=3),
]


def _steps() -> list[dict[str, Any]]:
    return [
        {
            "label": "县",
            "state": "past",
            "unit": "蓝田县税务局",
            "team": "信息中心",
            "holder": "王晓燕",
            "held": "持有 42 分钟",
        },
        {
            "label": "市",
            "state": "past",
            "unit": "西安市税务局",
            "team": "网络组",
            "holder": "李建国",
            "held": "持有 2 小时 10 分",
            "note": "退回 1 次",
        },
        {
            "label": "省",
            "state": "current",
            "unit": "省局信息中心",
            "team": "核心征管组",
            "holder": "赵敏",
            "held": "已持有 1 小时 5 分",
            "due_at": NOW + dt.timedelta(minutes=80),
        },
        {"label": "厂商", "state": "future", "unit": "未转出"},
    ]


def _entries() -> list[dict[str, Any]]:
    at = NOW - dt.timedelta(hours=4)
    step = dt.timedelta(minutes=35)
    return [
        {
            "at": at,
            "actor": "张三丰",
            "what": "报告了事项",
            "kind": "comment",
            "text": "开票窗口全部提示“连接超时”，换了两台电脑都一样。\n今天早上 9 点还正常。",
            "files": [{"name": "开票界面截图.png", "url": "/file", "size": 183_220}],
        },
        {"at": at + step, "actor": "王晓燕", "what": "受理了事项", "icon": "user-check", "tone": "accent"},
        {
            "at": at + 2 * step,
            "actor": "王晓燕",
            "what": "添加了内部备注",
            "internal": True,
            "text": "县局专线正常，网关 10.61.3.1 可达；疑似省局应用侧。",
        },
        {
            "at": at + 3 * step,
            "actor": "王晓燕",
            "what": "上报到 西安市税务局",
            "icon": "handoff",
            "tone": "accent",
            "text": "原因：县局无权查看应用服务器。",
        },
        {
            "at": at + 4 * step,
            "actor": "李建国",
            "what": "退回并要求补充",
            "icon": "return",
            "tone": "warning",
            "text": "缺少：出错时间与开票终端编号",
        },
        {"at": at + 5 * step, "actor": "系统", "what": "响应时限已超 12 分钟", "icon": "alarm", "tone": "critical"},
    ]


def chart_data() -> dict[str, Any]:
    """Six hours with a stretch missing and an incident."""
    start = NOW - dt.timedelta(hours=6)
    points = [
        [filters.iso(start + dt.timedelta(minutes=m)), round(55 + 25 * math.sin(m / 40) + m / 30, 1)]
        for m in range(0, 360, 2)
        if not 120 <= m < 170
    ]
    other = [[at, round(v * 0.6, 1)] for at, v in points]
    return {
        "unit": "%",
        "min": 0,
        "max": 100,
        "series": [{"name": "处理器", "points": points}, {"name": "内存", "points": other}],
        "thresholds": [
            {"name": "警告", "value": 80, "tone": "warning"},
            {"name": "严重", "value": 92, "tone": "critical"},
        ],
        "marks": [
            {
                "at": filters.iso(start + dt.timedelta(minutes=240)),
                "until": filters.iso(start + dt.timedelta(minutes=280)),
                "label": "事件 INC-20261123-0007",
                "tone": "critical",
                "url": "/",
            }
        ],
    }


GRAPH = {
    "nodes": [
        {"id": "a", "label": "蓝田县局", "state": "critical"},
        {"id": "b", "label": "西安—蓝田主线路", "state": "critical"},
        {"id": "c", "label": "西安—蓝田备线路", "state": "warning"},
        {"id": "d", "label": "西安核心路由器", "state": "critical", "root": True},
        {"id": "e", "label": "省核心路由器", "state": "ok"},
        {"id": "f", "label": "动环传感器", "state": "nodata"},
    ],
    "edges": [
        {"source": "a", "target": "b", "chain": True},
        {"source": "a", "target": "c"},
        {"source": "b", "target": "d", "chain": True},
        {"source": "c", "target": "d"},
        {"source": "d", "target": "e"},
        {"source": "d", "target": "f"},
    ],
}
ERRORS: dict[int, TaxopsError] = {
    404: NotFound("没有这个页面，或您无权查看。"),
    409: Conflict("事项已由李建国受理。"),
    422: Invalid("标题必填。", [FieldError("title", "标题：必填。")]),
    429: TooMany("催办过于频繁。", retry_after=600),
    503: Unavailable("数据库暂时不可用。"),
}


def make() -> Flask:
    """The gallery, with the same strict undefined names and content policy as the product."""
    app = Flask("gallery", root_path=str(web.ROOT), static_folder=str(web.STATIC), template_folder=str(web.TEMPLATES))
    app.secret_key = "gallery"
    env = app.jinja_env
    env.loader = jinja2.ChoiceLoader(
        [jinja2.FileSystemLoader(str(Path(__file__).parent)), jinja2.FileSystemLoader(str(web.TEMPLATES))]
    )
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(
        lambda text: i18n.gettext(text), lambda s, p, n: i18n.ngettext(s, p, n), newstyle=True
    )  # type: ignore[attr-defined]
    env.undefined = jinja2.StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    filters.install(env)
    env.globals["csrf_token"] = lambda: "token-of-the-gallery"
    env.globals["clock_now"] = lambda: NOW
    _routes(app)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app


def _routes(app: Flask) -> None:
    context = {"viewer": Viewer(), "nav": NAV, "bottom_nav": BOTTOM, "locale": "zh_CN", "home_url": "/"}
    received: list[dict[str, str]] = []
    app.config["received"] = received

    @app.get("/")
    def gallery() -> str:
        return render_template(
            "gallery.html", **context, form=TypedForm(), steps=_steps(), entries=_entries(), now=NOW, dt=dt
        )

    @app.get("/plain")
    def plain() -> str:
        return render_template("plain.html", **context)

    @app.get("/wall")
    def wall() -> str:
        return render_template("wall.html", **context)

    @app.get("/chart.json")
    def chart() -> Response:
        return Response(json.dumps(chart_data()), mimetype="application/json")

    @app.get("/graph.json")
    def graph() -> Response:
        return Response(json.dumps(GRAPH), mimetype="application/json")

    @app.get("/error/<int:status>")
    def error(status: int) -> tuple[str, int]:
        return render_template("errors/error.html", **context, error=ERRORS[status], title="说明", status=status), 200

    @app.post("/send")
    def send() -> tuple[str, int]:
        received.append(
            {**request.form.to_dict(), "files": ",".join(f.filename or "" for f in request.files.getlist("files"))}
        )
        return "<p id='sent'>已收到</p>", 200

    @app.get("/live")
    def live() -> Response:
        return Response(
            'retry: 60000\n\nevent: change\ndata: {"topic": "alert", "key": "abc"}\n\n', mimetype="text/event-stream"
        )

    @app.get("/page/<name>")
    def page(name: str) -> str:
        return render_template("plain.html", **context, name=name)

    @app.post("/retire")
    def retire() -> tuple[str, int, dict[str, str]]:
        return "", 204, {"HX-Trigger": json.dumps({"toast": {"text": "已停用 3 台设备", "undo": "/undo"}})}

    @app.post("/undo")
    def undo() -> tuple[str, int]:
        received.append({"undo": request.headers.get("X-CSRFToken", "")})
        return "", 204

    @app.post("/refused")
    def refused() -> tuple[Response, int]:
        return Response(json.dumps({"detail": "已由李建国受理。"}), mimetype="application/problem+json"), 409

    @app.get("/inbox/count")
    def unread() -> str:
        return '<span class="tx-dot">2</span>'

    @app.get("/part")
    def part() -> str:
        return "<p id='fresh'>已刷新</p>"
