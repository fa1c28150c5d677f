"""Reads certificates: who, by whom, until when."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from collectors.base import PollerFault, State
from collectors.findings import Findings
from core.i18n import gettext as _

DAY_S = 86400


@dataclass(frozen=True)
class Certificate:
    """What a person wants to know of a certificate; times are aware UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    serial: str
    is_authority: bool = False

    def days_left(self, now: dt.datetime) -> float:
        """Days until it ends, negative once it has."""
        return (self.not_after - now).total_seconds() / DAY_S

    def as_evidence(self) -> dict[str, object]:
        """Plain JSON."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "serial": self.serial,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
        }


def from_der(data: bytes) -> Certificate:
    """Raises ValueError when `data` is no certificate."""
    return _read(x509.load_der_x509_certificate(data))


def all_from_pem(data: bytes) -> list[Certificate]:
    """Every certificate of a PEM file, in its order; raises ValueError when it has none."""
    return [_read(cert) for cert in x509.load_pem_x509_certificates(data)]


def _read(cert: x509.Certificate) -> Certificate:
    return Certificate(
        subject=_name(cert.subject),
        issuer=_name(cert.issuer),
        names=_alternatives(cert),
        not_before=cert.not_valid_before_utc,
        not_after=cert.not_valid_after_utc,
        serial=f"{cert.serial_number:x}",
        is_authority=_is_authority(cert),
    )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _is_authority(cert: x509.Certificate) -> bool:
    try:
        return cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _alternatives(cert: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = cert.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = extension.value
    if not isinstance(names, x509.SubjectAlternativeName):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def judge(found: Findings, cert: Certificate, now: dt.datetime, *, warning: str, critical: str) -> None:
    """Note how long the certificate still lasts; one outside its validity is critical whatever the thresholds."""
    days = cert.days_left(now)
    found.evidence["certificate"] = cert.as_evidence()
    if now < cert.not_before:
        found.note(State.CRITICAL, _("证书 %(name)s 尚未生效", name=cert.subject))
    if days < 0:
        found.sample("certificate_days", days, "d")
        found.note(State.CRITICAL, _("证书 %(name)s 已过期 %(days)d 天", name=cert.subject, days=int(-days)))
        return
    found.judged(
        "certificate_days",
        days,
        "d",
        warning=warning,
        critical=critical,
        text=_("证书 %(name)s 还有 %(days)d 天到期", name=cert.subject, days=int(days)),
    )


def client_context(*, verify: bool, ca_file: str = "") -> ssl.SSLContext:
    """A TLS client context; `ca_file` adds a private authority.

    Kept until the file changes, for reading the system's authorities takes tens of milliseconds.
    Raises PollerFault for a file that is none.
    """
    try:
        stamp = Path(ca_file).stat().st_mtime_ns if ca_file else 0
        return _context(verify, ca_file, stamp)
    except (OSError, ssl.SSLError) as error:  # an ssl error has no strerror worth showing
        raise PollerFault(
            _("CA 文件 %(path)s 用不了：%(why)s", path=ca_file, why=error.strerror or error), _("检查参数 ca_file")
        ) from None


@lru_cache(maxsize=64)
def _context(verify: bool, ca_file: str, _stamp: int) -> ssl.SSLContext:  # a cache key
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED. Source: OpenSSL x509_vfy.h."""


def why_not_trusted(error: ssl.SSLCertVerificationError) -> str:
    """A verification failure in words."""
    known = {
        9: _("尚未生效"),
        EXPIRED: _("已过期"),
        18: _("是自签名证书"),
        19: _("证书链里有不受信任的自签名证书"),
        20: _("签发机构不受信任"),
        21: _("证书链不完整"),
        23: _("已被吊销"),
        62: _("与主机名不符"),
        64: _("与地址不符"),
    }
    return known.get(error.verify_code) or error.verify_message or str(error)
