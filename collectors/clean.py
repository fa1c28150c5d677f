"""What targets say goes into databases and pages: here it becomes text and JSON that all of them take."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from collectors.base import Sample

MOST_CHARS = 4000
MOST_LABEL_CHARS = 200
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def text(value: str, limit: int = MOST_CHARS) -> str:
    """Without control characters and half characters (PostgreSQL refuses some, terminals obey others), and not endless."""
    plain = _UNPRINTABLE.sub("�", value)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def json_object(values: Mapping[str, object]) -> dict[str, object]:
    """A mapping as a strict JSON object."""
    return {text(str(key), MOST_LABEL_CHARS): json_value(value) for key, value in values.items()}


def json_value(value: object) -> object:
    """The same value as strict JSON: cleaned texts, no NaN, texts as keys; what JSON has no form for becomes text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return json_object(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [json_value(inner) for inner in value]
    return text(str(value))


def samples(found: Sequence[Sample]) -> tuple[tuple[Sample, ...], int]:
    """Samples with clean labels, those that are no finite numbers left out, and how many these were (M-09)."""
    kept = tuple(_clean(sample) for sample in found if isinstance(sample.value, int) or math.isfinite(sample.value))
    return kept, len(found) - len(kept)


def _clean(sample: Sample) -> Sample:
    if all(value == text(value, MOST_LABEL_CHARS) for value in sample.labels.values()):
        return sample
    labels = {name: text(value, MOST_LABEL_CHARS) for name, value in sample.labels.items()}
    return Sample(sample.metric, sample.value, sample.unit, labels)
