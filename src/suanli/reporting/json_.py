"""The one serializer: any result as plain JSON. NaN and infinity are null, a fact keeps its source and tier, keys are stable."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suanli.facts import Fact, Source
from suanli.words import Phrase, say


def dumps(kind: str, content: Mapping[str, Any], units: Mapping[str, str] | None = None) -> str:
    """``content`` as one JSON object with what it is (``kind``) and the unit of each number by key.

    >>> dumps("point", {"x": float("nan"), "day": datetime.date(2026, 1, 2)}, {"x": "second"}).count("null")
    1
    """
    return json.dumps({"kind": kind, **plain(content), "units": dict(units or {})}, ensure_ascii=False, indent=1, allow_nan=False)


def plain(value: Any) -> Any:
    """``value`` as dicts, lists, text, numbers, booleans and null."""
    if isinstance(value, Fact):
        return fact(value)
    if isinstance(value, Source):
        return {"title": value.title, "url": value.url, "tier": value.tier.name.lower(), "read_on": value.read_on, "licence": value.licence}
    if isinstance(value, Phrase):
        return say(value.key, **value.values)
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime.date, Path)):
        return str(value)
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    return value


def fact(value: Fact) -> dict[str, Any]:
    """A number with what stands behind it."""
    return {
        "value": plain(value.value),
        "unit": value.dimension,
        "low": plain(value.low),
        "high": plain(value.high),
        "stated": plain(value.stated),
        "stated_unit": value.unit,
        "tier": value.tier.name.lower(),
        "since": value.since or None,
        "note": value.note,
        "sources": [plain(each) for each in value.sources],
    }
