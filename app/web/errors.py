"""Errors as pages for people and as problem+json for machines; never a stack trace."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask, Response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from core.db.trouble import AWAY, BUSY, DISK, is_disk, trouble
from core.errors import Forbidden, Invalid, NotFound, TaxopsError, TooMany, Unauthenticated, Unavailable
from core.i18n import gettext as _
from web.api.problems import problem_response
from web.db import db

log = structlog.get_logger()


def is_machine() -> bool:
    """Whether the asker is a program: the API, or anything that wants JSON."""
    return request.path.startswith(("/api/", "/ingest/", "/heartbeat/")) or "Authorization" in request.headers


def _place() -> str:
    """The path asked for, as it may stand in a log: what opens a door by itself is left out."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(str(token), "…") if token else request.path


class InternalFault(TaxopsError):
    """A fault of ours; `number` finds it in the log. HTTP 500."""

    status = 500
    slug = "internal"


_FROM_HTTP = {
    400: "请求有误。",
    404: "没有这个页面，或您无权查看。",
    405: "这个地址不支持此操作。",
    413: "内容过大。",
    415: "不支持的内容类型。",
}


# called in the reader's language
_WORDS: dict[str, Callable[[], str]] = {
    AWAY: lambda: _("数据库暂时不可用，什么都没有保存，请稍后再试。"),
    BUSY: lambda: _("数据库正忙，什么都没有保存，请稍后再试。"),
    DISK: lambda: _("服务器磁盘已满或不可写，什么都没有保存。请告诉管理员，腾出空间后再试。"),
}


def init(app: Flask) -> None:
    """Install the handlers."""

    @app.errorhandler(TaxopsError)
    def _known(error: TaxopsError) -> Any:
        return _answer(error)

    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> Any:
        return _answer(Forbidden(_("页面已过期，请刷新后重新提交。您填写的内容没有丢失，请返回上一页。")))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:  # noqa: PLR2004  redirects are answers, not errors
            return error
        found = TaxopsError(_(_FROM_HTTP.get(error.code, "请求有误。")))
        found.status = error.code
        found.slug = (error.name or "error").lower().replace(" ", "-")
        response = _answer(found)
        if error.code == 405 and getattr(error, "valid_methods", None):  # noqa: PLR2004
            response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
        return response

    app.register_error_handler(Exception, _unknown)
    _init_outages(app)


def _init_outages(app: Flask) -> None:
    """What is no fault of the request's: the database or the disk."""

    @app.errorhandler(sa.exc.InterfaceError)
    @app.errorhandler(sa.exc.OperationalError)
    def _database(error: sa.exc.DBAPIError) -> Any:
        log.error("request.database", path=_place(), error=str(error.orig).splitlines()[0] if error.orig else "")
        return _answer(Unavailable(_WORDS[trouble(error)]()))

    @app.errorhandler(sa.exc.TimeoutError)
    def _no_connection(_error: sa.exc.TimeoutError) -> Any:
        log.error("request.database", path=_place(), error="no free connection")
        return _answer(Unavailable(_WORDS[BUSY]()))

    @app.errorhandler(OSError)
    def _disk(error: OSError) -> Any:
        if not is_disk(error):
            return _unknown(error)
        log.error("request.disk", path=_place(), error=error.strerror)
        return _answer(Unavailable(_WORDS[DISK]()))


def _unknown(error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.error("request.failed", number=number, path=_place(), method=request.method, exc_info=error)
    return _answer(
        InternalFault(
            _("系统内部错误，编号 %(number)s。什么都没有保存；请重试，仍不行请把编号告诉管理员。", number=number)
        )
    )


def _answer(error: TaxopsError) -> Response:
    db.session().rollback()
    if is_machine():
        return problem_response(error)
    if isinstance(error, Unauthenticated) and request.method in {"GET", "HEAD"}:
        from flask import url_for

        if request.headers.get("HX-Request"):
            response = Response(status=401)
            response.headers["HX-Redirect"] = url_for("accounts.sign_in")
            return response
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)  # type: ignore[return-value]
    title = _title(error)
    try:
        text = render_template("errors/error.html", error=error, title=title, status=error.status)
    except Exception:
        log.exception("error-page.failed")
        text = f"<!doctype html><meta charset=utf-8><title>{title}</title><p>{title}: {escape(error.message)}"
    response = Response(text, error.status, mimetype="text/html")
    if isinstance(error, TooMany | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _title(error: TaxopsError) -> str:
    if isinstance(error, NotFound) or error.status == 404:  # noqa: PLR2004
        return _("找不到")
    if isinstance(error, Invalid):
        return _("内容有误")
    return {
        401: _("请先登录"),
        403: _("不允许"),
        409: _("状态已变化"),
        412: _("已被他人修改"),
        413: _("内容过大"),
        429: _("过于频繁"),
        500: _("系统错误"),
        503: _("暂时不可用"),
    }.get(error.status, _("请求有误"))
