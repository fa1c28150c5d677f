"""How long a certificate still lasts: of a TLS server, or in a PEM file."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from collectors import certificates, net
from collectors.base import About, Outcome, Params, PollerFault, Probe, State
from collectors.blocking import in_thread
from collectors.findings import Findings
from collectors.thresholds import RangeText
from core import clock
from core.i18n import gettext as _
from core.i18n import lazy

HTTPS_PORT = 443
MAX_PEM_BYTES = 1024 * 1024


class TlsParams(Params):
    """Whom to ask for, whom to trust, when to warn."""

    days_warning: Annotated[RangeText, About(lazy("剩余天数警告阈值，21: 表示少于 21 天"), "d")] = "21:"
    days_critical: Annotated[RangeText, About(lazy("剩余天数严重阈值"), "d")] = "7:"
    server_name: Annotated[str, About(lazy("SNI 主机名；空则用目标")), Field(max_length=253)] = ""
    verify: Annotated[bool, About(lazy("是否核对证书链与主机名"))] = True
    ca_file: Annotated[str, About(lazy("自建 CA 的 PEM 文件路径")), Field(max_length=1000)] = ""


class TlsProbe(Probe[TlsParams]):
    """A certificate before it hurts."""

    type = "tls"
    label = lazy("证书")
    target_help = lazy("主机:端口，或 PEM 文件的绝对路径")
    example = "127.0.0.1:443"
    params = TlsParams

    async def measure(self, target: str, params: TlsParams, *, deadline: float) -> Outcome:
        """Of a chain in a file, the certificate that ends first decides."""
        found = Findings()
        now = clock.now()
        if target.startswith("/"):
            cert = min(await in_thread(("pem", target), lambda: _of_file(target)), key=lambda c: c.not_after)
        else:
            try:
                cert = await _of_server(target, params, deadline, found)
            except net.TargetDown as down:
                found.note(State.CRITICAL, str(down))
                return found.outcome()
            except ssl.SSLError as error:
                found.note(State.CRITICAL, _("TLS 握手失败：%(why)s", why=error.reason or error))
                return found.outcome()
        certificates.judge(found, cert, now, warning=params.days_warning, critical=params.days_critical)
        return found.outcome()


def _of_file(path: str) -> list[certificates.Certificate]:
    try:
        with Path(path).open("rb") as file:
            return certificates.all_from_pem(file.read(MAX_PEM_BYTES))
    except OSError as error:
        raise PollerFault(
            _("读不了 %(path)s：%(why)s", path=path, why=error.strerror), _("检查路径和采集端账号的读权限")
        ) from None
    except ValueError:
        raise PollerFault(_("%(path)s 里没有 PEM 证书", path=path), _("换成证书文件，而不是私钥或空文件")) from None


async def _of_server(target: str, params: TlsParams, deadline: float, found: Findings) -> certificates.Certificate:
    host, port = net.split_target(target, HTTPS_PORT)
    addresses = await net.resolve(host, port)
    name = params.server_name or host
    strict = certificates.client_context(verify=params.verify, ca_file=params.ca_file)
    try:
        return await peer_certificate(addresses, port, name, strict, deadline)
    except ssl.SSLCertVerificationError as error:
        found.note(State.CRITICAL, _("证书不受信任：%(why)s", why=certificates.why_not_trusted(error)))
    return await peer_certificate(addresses, port, name, certificates.client_context(verify=False), deadline)


async def peer_certificate(
    addresses: Sequence[str], port: int, name: str, context: ssl.SSLContext, deadline: float
) -> certificates.Certificate:
    """The certificate a server shows. Raises ssl errors, net.TargetDown and PollerFault."""
    _reader, writer = await net.connect(addresses, port, deadline=deadline, context=context, name=name)
    try:
        return certificates.from_der(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        await net.close(writer)
