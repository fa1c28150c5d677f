"""One HTTP/1.1 exchange on a connection of its own, with the time of each phase.

Bare streams and h11 instead of a client library, because the phases (name, connection, TLS, first byte, body), the
certificate and the fault's owner are what a check is about.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from collectors import certificates, net
from collectors.base import PollerFault
from core.i18n import gettext as _

MAX_BODY = 1024 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass
class Answer:
    """What came back. `phases` are seconds; `body` is cut at MAX_BODY; `certificate` only of TLS."""

    url: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    phases: dict[str, float] = field(default_factory=dict)
    certificate: certificates.Certificate | None = None
    distrusted: str = ""

    def redirect(self) -> str | None:
        """Where it points to, absolute, if it is a redirect."""
        place = self.headers.get("location")
        return urljoin(self.url, place) if self.status in REDIRECTS and place else None

    def text(self) -> str:
        """The body as text: by its charset, else UTF-8, else GB 18030."""
        kind = self.headers.get("content-type", "")
        charset = kind.partition("charset=")[2].partition(";")[0].strip(" \"'")
        for encoding in filter(None, (charset, "utf-8", "gb18030")):
            try:
                return self.body.decode(encoding)
            except (LookupError, UnicodeDecodeError):
                continue
        return self.body.decode("utf-8", "replace")


def split_url(url: str) -> tuple[SplitResult, int]:
    """The parts and the port. Raises PollerFault for what is no http(s) URL or carries a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # a bracket without its other half, a port that is none
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise PollerFault(
            _("不是有效的网址：%(url)s", url=url.rsplit("@", maxsplit=1)[-1]), _("写成 http://主机/路径 或 https://…")
        )
    if parts.username or parts.password:
        raise PollerFault(_("网址里不能写用户名和密码"), _("改用参数 user 和 password"))
    return parts, port


@dataclass(frozen=True)
class Request:
    """What to ask, and how to trust."""

    url: str
    method: str
    headers: Mapping[str, str]
    verify: bool = True
    ca_file: str = ""
    server_name: str = ""
    address: str = ""


async def exchange(request: Request, *, deadline: float) -> Answer:
    """Ask once. Raises net.TargetDown, PollerFault and TimeoutError.

    A server whose certificate can't be trusted is asked again without trust (and without credentials), and
    `Answer.distrusted` says why, so that the check shows both the distrust and what the server does.
    """
    try:
        return await _exchange(request, deadline)
    except ssl.SSLCertVerificationError as error:
        why = certificates.why_not_trusted(error)
    except ssl.SSLError as error:
        raise net.TargetDown(_("TLS 握手失败：%(why)s", why=error.reason or error)) from None
    try:
        answer = await _exchange(replace(request, verify=False, headers={}), deadline)
    except ssl.SSLError as error:
        raise net.TargetDown(_("TLS 握手失败：%(why)s", why=error.reason or error)) from None
    answer.distrusted = why
    return answer


async def _exchange(request: Request, deadline: float) -> Answer:
    parts, port = split_url(request.url)
    answer = Answer(request.url)
    host = parts.hostname or ""
    lap = _Laps(answer.phases)
    addresses = await net.resolve(request.address or host, port)
    lap.mark("name")
    reader, writer = await net.connect(addresses, port, deadline=deadline)
    lap.mark("connect")
    try:
        if parts.scheme == "https":
            context = certificates.client_context(verify=request.verify, ca_file=request.ca_file)
            await writer.start_tls(context, server_hostname=request.server_name or host)
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            answer.certificate = certificates.from_der(shown)
            lap.mark("tls")
        connection = h11.Connection(h11.CLIENT)
        for event in _request_events(request, parts, port):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        await _read(connection, reader, answer, lap)
    except (h11.RemoteProtocolError, EOFError):
        raise net.TargetDown(_("对方的回答不是有效的 HTTP")) from None
    except ssl.SSLError:
        raise
    except OSError as error:
        raise net.down_or_fault(error, host, port) from None
    finally:
        await net.close(writer)
    return answer


async def _read(connection: h11.Connection, reader: asyncio.StreamReader, answer: Answer, lap: _Laps) -> None:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            lap.mark("first_byte")
            answer.status = event.status_code
            answer.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in event.headers}
        elif isinstance(event, h11.Data):
            answer.body += bytes(event.data)
            if len(answer.body) >= MAX_BODY:
                answer.body = answer.body[:MAX_BODY]
                break
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            break
    lap.mark("body")


def _request_events(request: Request, parts: SplitResult, port: int) -> list[h11.Event]:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    try:
        head = h11.Request(
            method=request.method,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[
                ("Host", shown if port == default else f"{shown}:{port}"),
                ("User-Agent", "taxops-check"),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
                *request.headers.items(),
            ],
        )
    except (h11.LocalProtocolError, UnicodeEncodeError):
        raise PollerFault(_("网址或请求头里有不允许的字符"), _("把空格和中文写成 %E4 这样的百分号编码")) from None
    return [head, h11.EndOfMessage()]


class _Laps:
    """A stopwatch that writes each lap down."""

    def __init__(self, laps: dict[str, float]) -> None:
        self._laps = laps
        self._last = time.monotonic()

    def mark(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name] = now - self._last
        self._last = now
