"""E-mail by SMTP. The Message-ID is made from the key, so a repeat is recognised by mailboxes and by tests."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from core.i18n import gettext as _
from escalation.notify.channels.base import TIME_LIMIT_S, Context, NotSetUp, Outgoing, SendFailed

PERMANENT_FROM = 550


def send(outgoing: Outgoing, url: str, context: Context) -> None:
    """Send one mail through `url`, or the installation's own server where it is empty.

    Raises SendFailed; permanent for addresses the server refuses for good.
    """
    server_url = url or context.smtp_url
    if not server_url:
        raise NotSetUp(_("没有设置邮件服务器（TAXOPS_SMTP_URL），邮件发不出去"))
    message = _message(outgoing, context)
    try:
        with _connect(server_url) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0] if error.recipients else 0
        raise SendFailed(f"the server refused the recipient ({code})", permanent=code >= PERMANENT_FROM) from error
    except smtplib.SMTPResponseException as error:
        raise SendFailed(f"the server answered {error.smtp_code}: {_text(error.smtp_error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendFailed(f"{type(error).__name__}: {error}") from error


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _message(outgoing: Outgoing, context: Context) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(outgoing.subject.split())
    message["From"] = context.mail_from
    message["To"] = outgoing.address
    message["Date"] = formatdate(localtime=False)
    domain = context.mail_from.rpartition("@")[2] or "taxops.local"
    message["Message-ID"] = f"<{hashlib.sha256(outgoing.key.encode()).hexdigest()[:40]}@{domain}>"
    message["X-Taxops-Key"] = outgoing.key
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: automatic answers stay away
    message["References"] = f"<{outgoing.ref}@{domain}>"
    link = outgoing.url if outgoing.url.startswith("http") else context.base_url + outgoing.url
    message.set_content(f"{outgoing.body}\n\n{link}\n")
    return message


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port
    tls = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=TIME_LIMIT_S, context=tls)
    else:
        server = smtplib.SMTP(host, port or 25, timeout=TIME_LIMIT_S)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=tls)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
