"""The way to the cluster: addresses, TLS, who we are, how long we wait, and what an error means in words."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import elasticsearch
from elasticsearch import Elasticsearch

from core.i18n import gettext as _
from kb.search.engine import SearchEngineError

READ_S = 2.0
"""Seconds a question may take; a reader is better served by the database than by waiting longer."""
WRITE_S = 30.0
REST_S = 5.0
"""After a failure the cluster is left alone so long by readers, so that an outage costs one of them a wait, not all."""
UNAVAILABLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Address:
    """Where the cluster is and how we prove who we are; of user and key one is enough."""

    hosts: tuple[str, ...]
    user: tuple[str, str] | None
    api_key: str
    ca_file: Path | None

    @classmethod
    def of(cls, urls: str, *, api_key: str = "", ca_file: str = "") -> Address:
        """`https://user:password@host:9200`, several divided by commas; the first one's user counts for all."""
        hosts, user = [], None
        for url in (part.strip() for part in urls.split(",") if part.strip()):
            parts = urlsplit(url)
            if parts.username and user is None:
                user = (unquote(parts.username), unquote(parts.password or ""))
            port = parts.port or 9200
            name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            hosts.append(urlunsplit((parts.scheme, f"{name}:{port}", parts.path.rstrip("/"), "", "")))
        return cls(tuple(hosts), None if api_key else user, api_key, Path(ca_file) if ca_file else None)

    @property
    def shown(self) -> str:
        """The hosts, without anything secret."""
        return ", ".join(self.hosts)

    def client(self) -> Elasticsearch:
        """A new client; raises SearchEngineError where the CA's file cannot be read."""
        more: dict[str, Any] = {}
        if any(host.startswith("https:") for host in self.hosts) and self.ca_file:
            if not self.ca_file.is_file():
                raise SearchEngineError(
                    _("找不到 CA 文件 %(file)s；请检查 TAXOPS_ELASTICSEARCH_CA_FILE。", file=self.ca_file)
                )
            more["ca_certs"] = str(self.ca_file)
        if self.api_key:
            more["api_key"] = self.api_key
        elif self.user:
            more["basic_auth"] = self.user
        return Elasticsearch(list(self.hosts), request_timeout=READ_S, max_retries=1, retry_on_timeout=False, **more)


class Cluster:
    """One client, shared by threads, that remembers for a moment that nobody answered."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: Elasticsearch | None = None
        self._making = threading.Lock()
        self._resting_until = 0.0

    @contextlib.contextmanager
    def reading(self) -> Iterator[Elasticsearch]:
        """For a question. Raises SearchEngineError at once while the cluster is known to be away."""
        if time.monotonic() < self._resting_until:
            raise SearchEngineError(self._away(_("刚才没有应答")))
        with self._translated():
            yield self._open()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Elasticsearch]:
        """For changes: tries every time, and waits longer."""
        with self._translated():
            yield self._open().options(request_timeout=WRITE_S)

    def close(self) -> None:
        """Closes the connections."""
        with self._making:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _open(self) -> Elasticsearch:
        with self._making:
            if self._client is None:
                try:
                    self._client = self.address.client()
                except (OSError, ValueError) as error:  # a file of authorities that holds none, an address that is none
                    raise SearchEngineError(self._away(_reason(error))) from error
            return self._client

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except elasticsearch.TransportError as error:
            self._resting_until = time.monotonic() + REST_S
            raise SearchEngineError(self._away(_reason(error))) from error
        except elasticsearch.ApiError as error:
            if error.meta.status in UNAVAILABLE:
                self._resting_until = time.monotonic() + REST_S
            raise SearchEngineError(self._refusal(error)) from error
        self._resting_until = 0.0

    def _away(self, why: str) -> str:
        return _(
            "搜索集群 %(where)s 没有应答（%(why)s）；请检查集群是否在运行、地址和证书是否正确。",
            where=self.address.shown,
            why=why,
        )

    def _refusal(self, error: elasticsearch.ApiError) -> str:
        where = self.address.shown
        if error.meta.status in {401, 403}:
            return _(
                "搜索集群 %(where)s 不认可我们的账号或 API 密钥，或其权限不够（%(why)s）。",
                where=where,
                why=error.error,
            )
        return _(
            "搜索集群 %(where)s 拒绝了请求：%(status)s %(why)s", where=where, status=error.meta.status, why=error.error
        )


def _reason(error: Exception) -> str:
    """The innermost words of a nested transport error, on one line and not too long."""
    text = str(error).split("caused by: ")[-1]
    return text.splitlines()[0][:200] if text else type(error).__name__
