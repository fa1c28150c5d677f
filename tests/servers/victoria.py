"""VictoriaMetrics, single node: takes remote write, answers PromQL."""

from __future__ import annotations

from tests.servers.base import HOST, Daemon, answers, require_program


class VictoriaMetrics(Daemon):
    """A server with data of its own under its home; everything written is seen after `flush()`."""

    name = "victoria-metrics"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [
            require_program("victoria-metrics"),
            f"-storageDataPath={self.home / 'data'}",
            f"-httpListenAddr={HOST}:{self.port}",
            "-retentionPeriod=5y",
            "-search.latencyOffset=0s",
            "-search.disableCache",
            "-loggerLevel=ERROR",
        ]

    def is_ready(self) -> bool:
        return answers(f"{self.url}/health")
