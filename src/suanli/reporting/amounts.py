"""Numbers as text for tables and sentences: blank where unknown."""

from __future__ import annotations

import math
from typing import Any

from suanli.units import number


def cell(value: float, scale: float = 1.0, digits: int = 3) -> str:
    """``value / scale`` with ``digits`` significant digits; blank for NaN and for no limit.

    >>> cell(0.0492, 1e-3), cell(float("nan")), cell(4102568)
    ('49.2', '', '4,102,568')
    """
    if not math.isfinite(value):
        return ""
    shown = value / scale
    return f"{shown:,.0f}" if shown == round(shown) and abs(shown) < 1e9 else number(shown, digits)


def span(band: Any, scale: float = 1.0, digits: int = 2) -> str:
    """``low-high`` of a band; one number where both read the same.

    >>> from types import SimpleNamespace as Band
    >>> span(Band(low=64.0, high=192.0)), span(Band(low=8.0, high=8.0)), span(Band(low=float("nan"), high=1.0))
    ('64-192', '8', '')
    """
    low, high = cell(band.low, scale, digits), cell(band.high, scale, digits)
    return low if low == high else f"{low}-{high}" if low and high else ""


def percent(share: float, digits: int = 2) -> str:
    """A share as percent.

    >>> percent(0.175, 3)
    '17.5'
    """
    return cell(share, 0.01, digits)
