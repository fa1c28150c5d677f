"""What makes two alerts the same: the label fingerprint, and above it the problem key (architecture decision 2).

Pure.
"""

import hashlib
import operator
from collections.abc import Mapping
from functools import lru_cache

SEVERITY = "severity"
_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
_NEXT = [(low * _PRIME) & 0xFF for low in range(256)]
_POWERS = [_PRIME]  # the first, second, third … power, as far as labels were long


def fingerprint(labels: Mapping[str, str]) -> str:
    """The 16 hex digits by which outside clients know an alert.

    Source: Prometheus' common/model, `LabelSet.Fingerprint`: FNV-1a over name, 0xFF, value, 0xFF in order of the names.
    """
    digest = _OFFSET
    for name in sorted(labels):
        factor, summand = _step(name, labels[name], digest & 0xFF)
        digest = (digest * factor + summand) & _MASK
    return f"{digest:016x}"


@lru_cache(maxsize=32_768)
def _step(name: str, value: str, low: int) -> tuple[int, int]:
    """What one label makes of a digest that ends in the byte `low`: digest × factor + summand.

    A byte is xored into the last byte only, so that of all the digest only that byte decides what is added on the way.
    Most labels come again and again, so that most of the hash is remembered.
    """
    data = b"%b\xff%b\xff" % (name.encode(), value.encode())
    differences = []
    for byte in data:
        mixed = low ^ byte
        differences.append(mixed - low)
        low = _NEXT[mixed]
    count = len(data)
    while len(_POWERS) < count:
        _POWERS.append((_POWERS[-1] * _PRIME) & _MASK)
    return _POWERS[count - 1], sum(map(operator.mul, reversed(differences), _POWERS)) & _MASK


def problem_key_of_labels(labels: Mapping[str, str]) -> str:
    """The problem of an alert from outside: its labels without the severity, which may rise inside one episode."""
    rest = "\x00".join(f"{name}\x01{labels[name]}" for name in sorted(labels) if name != SEVERITY)
    return "labels:" + hashlib.sha256(rest.encode()).hexdigest()[:32]


def problem_key_of_check(check_id: int) -> str:
    """The problem of a check: one at a time."""
    return f"check:{check_id}"
