"""A result as one line with performance data.

Source: Monitoring Plugins Development Guidelines, "Plugin Output" and "Performance data".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.base import CheckResult, Sample

_UNITS = {"%": "%", "s": "s", "ms": "ms", "B": "B"}


def line(type_name: str, result: CheckResult) -> str:
    """`TYPE STATE - text | performance data`."""
    text = " ".join(result.output.replace("|", "¦").split())
    words = f"{type_name.upper()} {result.state.upper()} - {text}"
    data = performance(result.samples, result.evidence.get("thresholds", {}))
    return f"{words} | {data}" if data else words


def performance(samples: Sequence[Sample], thresholds: Mapping[str, Sequence[str]]) -> str:
    """`'label'=value[unit];[warn];[crit];[min];[max]`, separated by blanks."""
    return " ".join(_datum(sample, thresholds.get(sample.metric, ("", ""))) for sample in samples)


def _datum(sample: Sample, limits: Sequence[str]) -> str:
    name = "_".join((sample.metric, *sample.labels.values())).replace("'", "").replace("=", "-")
    label = f"'{name}'" if " " in name else name
    value = str(sample.value) if isinstance(sample.value, int) else f"{sample.value:.6g}"
    least, most = ("0", "100") if sample.unit == "%" else ("", "")
    parts = [f"{label}={value}{_UNITS.get(sample.unit, '')}", *limits, least, most]
    return ";".join(parts).rstrip(";")
