"""Strict reading of one TOML or CSV file: unknown key, unknown unit, missing source, future date and broken invariant are each one line.

A room declares the shape of its files as a ``Schema`` (pydantic, no extra keys). Three field types carry the conventions:

* ``Quantity`` (annotated with ``Dimension``): ``{ value = 141, unit = "GB", source = "sheet" }`` with optional ``low``, ``high``,
  ``since``, ``tier`` (worse than its source's), ``note``. ``source`` is one name or a list of names of ``[sources.<name>]``.
* ``Day``: ``2026``, ``2026-11``, ``2026-11-23`` or ``2026-Q3`` as text, not in the future; ``PlannedDay`` may be.
* ``Name``: a lower-case id of letters, digits, dots and dashes.
"""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from suanli.errors import BadFile, UnknownUnit, nearest
from suanli.facts.fact import Fact, Source, Tier
from suanli.units import factor


class Schema(BaseModel):
    """Base of every file schema: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _day(value: Any) -> str:
    text = str(value)
    if re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2])(-\d{2})?|-(Q[1-4]|H[12]))?", text) is None:
        raise ValueError(f'"{text}" is not a date (2026, 2026-11, 2026-11-23, 2026-Q3)')
    if len(text) == 10:
        datetime.date.fromisoformat(text)
    return text


def _past_day(value: Any) -> str:
    text = _day(value)
    if first_day(text) > datetime.date.today():
        raise ValueError("future:" + text)
    return text


def first_day(text: str) -> datetime.date:
    """The first day of a date of any precision.

    >>> first_day("2026-Q3"), first_day("2024")
    (datetime.date(2026, 7, 1), datetime.date(2024, 1, 1))
    """
    if "Q" in text or "H" in text:
        part = int(text[-1]) - 1
        return datetime.date(int(text[:4]), 1 + part * (3 if "Q" in text else 6), 1)
    return datetime.date.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text)


def _name(value: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]*", value) is None:
        raise ValueError(f'"{value}" is not an id (lower-case letters, digits, dots and dashes)')
    return value


Day = Annotated[str, BeforeValidator(_past_day)]
PlannedDay = Annotated[str, BeforeValidator(_day)]
Name = Annotated[str, AfterValidator(_name)]


class SourceFile(Schema):
    """``[sources.<name>]`` of a file."""

    title: str
    url: str = ""
    tier: str
    read_on: Day | None = None
    licence: str = ""

    def source(self) -> Source:
        return Source(self.title, self.url, Tier.of(self.tier), self.read_on, self.licence)


class Quantity(Schema):
    """A number with unit and source as written in a file."""

    value: float
    unit: str
    source: str | tuple[str, ...]
    low: float | None = None
    high: float | None = None
    since: Day | None = None
    tier: str | None = None
    note: str = ""


#: dimensions of which there is no negative amount (a price of power may fall below zero)
NEVER_NEGATIVE = ("byte", "byte/s", "flop", "flop/s", "watt", "second", "hertz", "mm2", "nm", "joule", "token", "gCO2/kWh", "money", "money/h")


class Dimension:
    """Annotation that names the dimension of a ``Quantity``: ``Annotated[Quantity, Dimension("byte")]``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, quantity: Quantity) -> Quantity:
        from pydantic_core import PydanticCustomError

        try:
            factor(quantity.unit, self.name)
        except UnknownUnit as error:
            raise PydanticCustomError("unknown_unit", "unknown unit", error.values) from None
        if quantity.value < 0 and self.name in NEVER_NEGATIVE:
            raise ValueError(f"{quantity.value:g} is negative")
        return quantity


def quantity(dimension: str) -> Any:
    """The type of a ``Quantity`` of ``dimension`` (a key of ``units.DIMENSIONS``), for use in a ``Schema``."""
    return Annotated[Quantity, Dimension(dimension)]


S = TypeVar("S", bound=Schema)


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a TOML file; ``BadFile`` where it is missing, not UTF-8 or not TOML."""
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadFile("errors.file_missing", file=str(path)) from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError, PermissionError) as error:
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error)) from None


def read_record(path: Path, schema: type[S]) -> tuple[S, dict[str, Fact]]:
    """One TOML file as its ``schema`` and the facts in it by dotted key (``memory.bandwidth``, ``peak.0.rate``).

    Raises ``BadFile`` with file, key, what is wrong and the nearest valid name.
    """
    table = read_toml(path)
    shown = _shown(path)
    record = validate(table, schema, shown)
    if getattr(record, "id", path.stem) != path.stem:
        raise BadFile("errors.file_id", file=shown, id=record.id)  # type: ignore[attr-defined]
    sources = {}
    for name, each in getattr(record, "sources", {}).items():
        tier = _tier(each.tier, f"sources.{name}.tier", shown)
        if not each.url and tier < Tier.DERIVED:
            raise BadFile("errors.file_needs_url", file=shown, key=f"sources.{name}.url", tier=each.tier)
        sources[name] = each.source()
    return record, dict(_facts(record, sources, shown))


def validate(table: dict[str, Any], schema: type[S], shown: str) -> S:
    """``table`` as ``schema``; the first problem becomes one ``BadFile`` line."""
    try:
        return schema.model_validate(table)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] == "missing")
        key = ".".join(str(part) for part in first["loc"])
        raise _bad(first, key, schema, shown) from None


def _bad(first: Any, key: str, schema: type[Schema], shown: str) -> BadFile:
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return BadFile("errors.file_unknown_key", file=shown, key=key, nearest=", ".join(_known_near(schema, first["loc"])))
    if first["type"] == "missing" and first["loc"][-1] == "source":
        return BadFile("errors.file_no_source", file=shown, key=key.removesuffix(".source"))
    if first["type"] == "missing":
        return BadFile("errors.file_missing_key", file=shown, key=key)
    if first["type"] == "unknown_unit":
        return BadFile("errors.file_unit", file=shown, key=key, **first["ctx"])
    if first["type"] == "literal_error":
        choices = re.findall(r"'([^']+)'", first["ctx"]["expected"])
        given = str(first["input"])
        return BadFile("errors.file_choice", file=shown, key=key, given=given, nearest=", ".join(nearest(given, choices) or choices))
    if message.startswith("future:"):
        return BadFile("errors.file_future", file=shown, key=key, date=message[7:], today=datetime.date.today().isoformat())
    return BadFile("errors.file_bad_value", file=shown, key=key, detail=message)


def _known_near(schema: type[Schema], loc: tuple[Any, ...]) -> list[str]:
    names = _names_at(schema, loc[:-1])
    return nearest(str(loc[-1]), names) or sorted(names)


def _names_at(schema: Any, loc: tuple[Any, ...]) -> list[str]:
    definitions = schema.model_json_schema()
    node: Any = definitions
    for part in loc:
        node = _resolve(node, definitions)
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, node.get("additionalProperties", {}))
    return list(_resolve(node, definitions).get("properties", {}))


def _resolve(node: Any, definitions: Any) -> Any:
    for option in node.get("anyOf", node.get("allOf", [])):
        if "$ref" in option or option.get("type") in ("object", "array"):
            node = option
    return definitions["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def _walk(value: Any, key: str, dimension: str = "") -> Iterator[tuple[str, Quantity, str]]:
    if isinstance(value, Quantity):
        yield key, value, dimension
    elif isinstance(value, Schema):
        for name, field in type(value).model_fields.items():
            own = next((each.name for each in field.metadata if isinstance(each, Dimension)), None)
            yield from _walk(getattr(value, name), f"{key}.{name}" if key else name, own or _inner_dimension(field.annotation))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, f"{key}.{name}", dimension)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{key}.{index}", dimension)


def _inner_dimension(annotation: Any) -> str:
    for each in getattr(annotation, "__metadata__", ()):
        if isinstance(each, Dimension):
            return each.name
    for option in getattr(annotation, "__args__", ()):
        for each in getattr(option, "__metadata__", ()):
            if isinstance(each, Dimension):
                return each.name
        found = _inner_dimension(option)
        if found:
            return found
    return ""


def _facts(record: Schema, sources: dict[str, Source], shown: str) -> Iterator[tuple[str, Fact]]:
    for key, each, dimension in _walk(record, ""):
        named = (each.source,) if isinstance(each.source, str) else each.source
        for name in named:
            if name not in sources:
                raise BadFile("errors.file_unknown_source", file=shown, key=key, source=name, nearest=", ".join(nearest(name, sources) or sources))
        scale = factor(each.unit, dimension)
        tier = _tier(each.tier, key + ".tier", shown) if each.tier else Tier.MEASURED
        found = tuple(sources[name] for name in named)
        low = each.value if each.low is None else each.low
        high = each.value if each.high is None else each.high
        if not low <= each.value <= high:
            raise BadFile("errors.file_invariant", file=shown, key=key, detail="@errors.bounds")
        yield (
            key,
            Fact(
                each.value * scale,
                dimension,
                each.value,
                each.unit,
                found,
                max(tier, min(s.tier for s in found)),
                low * scale,
                high * scale,
                each.since or "",
                each.note,
            ),
        )


def _tier(name: str, key: str, shown: str) -> Tier:
    known = [tier.name.lower() for tier in Tier]
    if name.lower() not in known:
        raise BadFile("errors.file_tier", file=shown, key=key, tier=name, nearest=", ".join(nearest(name, known) or known))
    return Tier.of(name)


def _shown(path: Path) -> str:
    parts = path.parts
    return "/".join(parts[parts.index("data") :]) if "data" in parts and "suanli" in parts else str(path)


def read_rows(path: Path, schema: type[S]) -> list[S]:
    """The rows of a CSV file as ``schema``; blank cells are left out (unknown), lines that start with ``#`` are comments."""
    shown = _shown(path)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        return [validate({k: v for k, v in row.items() if v not in ("", None)}, schema, f"{shown}: row {number}") for number, row in enumerate(reader, 2)]


def positive(value: float) -> bool:
    """Whether a number is finite and above zero."""
    return math.isfinite(value) and value > 0
