"""A check's parameters: read by its probe, secrets apart. What is fed from outside only is free text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.base import Probe
from collectors.registry import PROBES, probe_class
from collectors.run import is_secret, parse_params
from core.errors import FieldError, Invalid
from monitor.models import Check

HIDDEN = "●●●"
"""Stands for a secret wherever parameters are shown; given back, it means “as it was”."""


def parsed(check_type: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that differ from the probe's defaults, checked by the probe.

    Raises Invalid naming each wrong one (`params.NAME`), or the type.
    """
    probe: Probe[Any] = probe_class(check_type)()
    try:
        model = parse_params(probe, params)
    except Invalid as error:
        fields = [FieldError(f"params.{e.field}" if e.field != "params" else "params", e.message) for e in error.errors]
        raise Invalid(error.message, fields) from None
    plain: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True)
    return plain


def split(check_type: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what may be shown, what may not) of some parameters."""
    kind = PROBES.get(check_type)
    secret = {name for name in params if kind is not None and is_secret(kind.params, name)}
    return {n: v for n, v in params.items() if n not in secret}, {n: params[n] for n in secret}


def shown(check: Check) -> dict[str, Any]:
    """All parameters, secrets hidden."""
    return {**check.params, **dict.fromkeys(check.secrets, HIDDEN)}


def whole(check: Check) -> dict[str, Any]:
    """All parameters with secrets: for the poller only, never for a page, a log or an answer."""
    return {**check.params, **check.secrets}


def unhidden(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as given, where HIDDEN means the secret that was there before."""
    return {n: (before[n] if v == HIDDEN and n in before else v) for n, v in given.items()}
