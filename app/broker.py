"""The Celery application: hands moments of periodic duties to workers, by RabbitMQ or Redis.

A message says only which duty and which moment; core.schedule.runs decides what becomes of it. So a message that is
lost, late or doubled does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from config import Settings

if TYPE_CHECKING:
    from celery import Celery

log = structlog.get_logger(__name__)

TASK = "taxops.job"
QUEUE = "taxops.jobs"
CONNECT_S = 3
MESSAGE_LIVES_S = 300
PROBE_KEPT_S = 4.0


def make(settings: Settings, run: Callable[[str, str], Any] | None = None) -> Celery:
    """A Celery application on the broker of the settings; `run(job, due_at)` is what its task does."""
    from celery import Celery  # loaded only where there is a broker

    app = Celery("taxops", broker=settings.broker_url, set_as_current=False)
    options: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "socket_timeout": 10, "visibility_timeout": 120}
    if settings.broker_url.startswith("amqp"):
        options = {"confirm_publish": True}
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=CONNECT_S,
        broker_heartbeat=10,
        broker_transport_options=options,
        task_acks_late=True,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_publish_retry=False,
        task_reject_on_worker_lost=True,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
    )
    if run is not None:
        app.task(name=TASK, acks_late=True, ignore_result=True)(run)
    return app


class Probe:
    """Whether the broker takes connections; asked at most every few seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked = -PROBE_KEPT_S
        self._error: str | None = None

    def error(self) -> str | None:
        """Why the broker can't be used, in one line; None where it can."""
        if time.monotonic() - self._asked >= PROBE_KEPT_S:
            self._error = _try(self._url)
            self._asked = time.monotonic()
        return self._error

    def readiness(self) -> dict[str, Any]:
        """For /readyz: without the broker workers find their duties in the database, so it is not needed."""
        error = self.error()
        return {"ok": error is None, "needed": False, "detail": error or place(self._url)}


def place(url: str) -> str:
    """The broker's address without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


def _try(url: str) -> str | None:
    from celery import Celery

    try:
        with Celery("probe", broker=url, set_as_current=False).connection_for_read(url) as connection:
            connection.transport_options |= {"socket_connect_timeout": CONNECT_S, "socket_timeout": CONNECT_S}
            connection.connect_timeout = CONNECT_S
            connection.ensure_connection(max_retries=1, timeout=CONNECT_S)
    except Exception as error:  # noqa: BLE001  each transport has errors of its own
        return f"{place(url)}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return None
