"""The Alertmanager-compatible API v2, for Prometheus, vmalert, Grafana and amtool as they are."""
