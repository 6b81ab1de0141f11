"""Quantities in and out: the only place that knows prefixes.

``parse("4.8 TB/s", "byte/s") -> 4.8e12``. SI inside: byte, byte/s, flop/s (an operation of any precision counts as a flop), watt,
second, metre-free squares of millimetres (mm2, the field's unit of die area), US dollar per ..., gram of CO2. Decimal is not binary:
GB = 1e9 byte, GiB = 2**30 byte. Bits are written ``Gbit/s``; ``GBps``, ``Gbps`` and ``GBs`` are refused as ambiguous.
"""

from __future__ import annotations

import math
import re
from functools import cache

from suanli.errors import BadInput, UnknownUnit, nearest

_SI = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
_IEC = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_SMALL = {"m": 1e-3, "u": 1e-6, "n": 1e-9}


def _prefixed(symbol: str, factor: float = 1.0, *prefixes: dict[str, float]) -> dict[str, float]:
    return {prefix + symbol: factor * scale for table in prefixes for prefix, scale in table.items()}


#: dimension -> unit -> factor to SI
DIMENSIONS: dict[str, dict[str, float]] = {
    "byte": _prefixed("B", 1.0, _SI, _IEC) | _prefixed("bit", 1 / 8, _SI),
    "byte/s": _prefixed("B/s", 1.0, _SI, _IEC) | _prefixed("bit/s", 1 / 8, _SI),
    "flop": _prefixed("FLOP", 1.0, _SI),
    "flop/s": _prefixed("FLOP/s", 1.0, _SI) | _prefixed("OP/s", 1.0, _SI),
    "watt": _prefixed("W", 1.0, _SI, {"m": 1e-3}),
    "second": {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0, "year": 31_557_600.0} | _prefixed("s", 1.0, _SMALL),
    "hertz": _prefixed("/s", 1.0, _SI)
    | _prefixed("/min", 1 / 60, _SI)
    | _prefixed("/h", 1 / 3600, _SI)
    | _prefixed("/day", 1 / 86400, _SI)
    | _prefixed("Hz", 1.0, _SI),
    "mm2": {"mm2": 1.0, "cm2": 100.0},
    "nm": {"nm": 1.0},
    "joule": {"J": 1.0, "kWh": 3.6e6, "MWh": 3.6e9, "GWh": 3.6e12},
    "token": {"token": 1.0, "tokens": 1.0, "ktoken": 1e3, "Mtoken": 1e6},
    "1": {"1": 1.0, "": 1.0, "%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9, "bn": 1e9, "T": 1e12},
    "gCO2/kWh": {"gCO2/kWh": 1.0, "kgCO2/kWh": 1000.0},
    "money": dict.fromkeys(("USD", "CNY", "EUR", "JPY", "GBP", "KRW", "INR", "TWD", "SGD", "CAD", "AUD", "SAR", "AED"), 1.0),
    "money/kWh": {f"{code}/kWh": 1.0 for code in ("USD", "CNY", "EUR", "JPY", "GBP", "KRW", "INR", "TWD", "SGD", "CAD", "AUD", "SAR", "AED")},
    "money/h": {f"{code}/h": 1.0 for code in ("USD", "CNY", "EUR", "JPY", "GBP", "KRW", "INR", "TWD", "SGD", "CAD", "AUD", "SAR", "AED")},
    "money/kW-month": {f"{code}/kW-month": 1.0 for code in ("USD", "CNY", "EUR", "JPY", "GBP", "KRW", "INR", "TWD", "SGD", "CAD", "AUD", "SAR", "AED")},
}

_HINTS = {
    r"[KMGTP]?i?Bps": "{0}B/s",
    r"[KMGTP]?bps": "{0}bit/s",
    r"[KMGTP]?(FLOPS|FLOPs|flops|Flops)": "{0}FLOP/s",
    r"[KMGTP]?(OPS|TOPS)": "{0}OP/s",
    r"[KMGTP]i?Bs": "{0}B",
    r"[KMGTP]b": "{0}bit",
    r"[qrQR](ps|PS)|req(uests)?/s": "/s",
}

_QUANTITY = re.compile(r"\s*([-+]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d[\d_]*)(?![\d,])\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


@cache
def factor(unit: str, dimension: str) -> float:
    """What one ``unit`` is in SI; ``UnknownUnit`` with the nearest units where it does not exist in ``dimension``.

    >>> factor("GiB", "byte")
    1073741824.0
    """
    known = DIMENSIONS[dimension]
    if unit in known:
        return known[unit]
    raise UnknownUnit("errors.unknown_unit", unit=unit, dimension="@dimensions." + _word(dimension), nearest=", ".join(_suggest(unit, dimension)))


def _word(dimension: str) -> str:
    words = {"1": "number", "byte/s": "bandwidth", "flop/s": "flop_rate", "gCO2/kWh": "carbon", "money/kWh": "tariff", "money/h": "rent"}
    return (words | {"money/kW-month": "hosting"}).get(dimension, dimension)


_COMMON = ("GB", "GiB", "GB/s", "TB/s", "TFLOP/s", "TOP/s", "W", "ms", "s", "/s", "USD", "CNY", "mm2", "gCO2/kWh", "USD/kWh")


def _suggest(unit: str, dimension: str) -> list[str]:
    known = [each for each in DIMENSIONS[dimension] if each]
    for pattern, form in _HINTS.items():
        if re.fullmatch(pattern, unit):
            prefix = unit[0] if unit[0] in "KMGTP" else ""
            prefix += "i" if unit[1:2] == "i" else ""
            hinted = form.format("k" if prefix == "K" else prefix)
            if hinted in known:
                return [hinted]
    common: list[str] = [each for each in _COMMON if each in known]
    return nearest(unit, known) or common or known[:3]


def parse(text: str | float, dimension: str, *, where: str = "") -> float:
    """A quantity in SI from text like ``"4.8 TB/s"``; a bare number is taken as SI already.

    ``where`` names the option or key for the message. Raises ``BadInput`` on no number, ``UnknownUnit`` on a strange unit.

    >>> parse("50ms", "second"), parse("4.8 TB/s", "byte/s"), parse(20, "second")
    (0.05, 4800000000000.0, 20.0)
    """
    if isinstance(text, (int, float)):
        return float(text)
    match = _QUANTITY.match(text)
    if match is None:
        raise BadInput("errors.not_a_quantity", text=text, where=where, example=_EXAMPLES.get(dimension, "1"))
    number, unit = float(match[1].replace(",", "").replace("_", "")), match[2]
    if not unit:
        return number
    try:
        return number * factor(unit, dimension)
    except UnknownUnit as error:
        raise UnknownUnit("errors.unknown_unit_at", where=where, text=text, **error.values) from None


_EXAMPLES = {"byte": "80 GB", "byte/s": "4.8 TB/s", "flop/s": "989 TFLOP/s", "watt": "700 W", "second": "50ms", "hertz": "50/s", "1": "2000"}


def show(value: float, dimension: str, digits: int = 3) -> str:
    """A short human form, ``digits`` significant digits, decimal prefixes; blank for NaN.

    >>> show(4.8e12, "byte/s"), show(0.0123, "second"), show(float("nan"), "watt")
    ('4.8 TB/s', '12.3 ms', '')
    """
    if math.isnan(value):
        return ""
    symbol = {"byte": "B", "byte/s": "B/s", "flop": "FLOP", "flop/s": "FLOP/s", "watt": "W", "hertz": "/s", "second": "s"}.get(dimension)
    if symbol is None or not math.isfinite(value) or value == 0:
        return f"{number(value, digits)} {'' if dimension == '1' else symbol or dimension}".rstrip()
    if dimension == "second":
        scale, prefix = (1.0, "") if abs(value) >= 1 else (1e-3, "m") if abs(value) >= 1e-3 else (1e-6, "u")
    elif dimension == "hertz":
        scale, prefix = 1.0, ""
    else:
        prefix, scale = max(((p, s) for p, s in _SI.items() if s <= abs(value) * (1 + 1e-12)), key=lambda pair: pair[1], default=("", 1.0))
    return f"{number(value / scale, digits)} {prefix}{symbol}"


def number(value: float, digits: int = 3) -> str:
    """``digits`` significant digits, thousands separated, never scientific below 1e15; blank for NaN.

    >>> number(4102568.4, 3), number(0.012345), number(1234.5, 3)
    ('4,100,000', '0.0123', '1,230')
    """
    if math.isnan(value):
        return ""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    text = f"{rounded:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
