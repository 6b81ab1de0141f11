"""Market figures by series, publisher and vintage: growth inside a vintage, and forecasts against what was said later."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import tomli

from suanli.errors import UnknownName
from suanli.facts import Catalogue, Schema, Tier
from suanli.facts.reader import Day, first_day, validate
from suanli.formulas.trend import compound_growth
from suanli.outlook.period import Period, PeriodText, period_of
from suanli.units import factor

Kind = Literal["actual", "preliminary", "estimate", "forecast", "guidance", "model"]
#: what looks ahead, and what tells of a period that is over, the surest first
AHEAD = ("forecast", "guidance")
TOLD = ("actual", "preliminary", "estimate")
_SCALES = ("bn", "M", "k", "T")


class _Row(Schema):
    series: str
    scope: str = ""
    publisher: str
    vintage: Day | None = None
    period: PeriodText
    value: float
    low: float | None = None
    high: float | None = None
    unit: str
    kind: Kind
    bound: Literal["", "lower", "upper", "about"] = ""
    tier: Literal["measured", "official", "reported", "derived", "estimated", "assumed"]
    source: str = ""
    url: str = ""
    note: str = ""


class _Title(Schema):
    en: str
    zh: str
    group: str
    part_of: str = ""


@dataclass(frozen=True)
class Title:
    """What a series is called; ``part_of`` names the series that it is a part of."""

    id: str
    name: str
    name_zh: str
    group: str
    part_of: str


@dataclass(frozen=True)
class Point:
    """One figure of a publisher: ``stated`` in ``unit`` as written, ``value`` without its prefix (USD, cards, %), from ``low`` to ``high``;
    ``vintage``: when it was said (None: with the accounts of its period); ``bound`` "lower": more than that.
    """

    series: str
    scope: str
    publisher: str
    vintage: datetime.date | None
    vintage_text: str
    period: Period
    period_text: str
    stated: float
    unit: str
    value: float
    low: float
    high: float
    base: str
    kind: Kind
    bound: str
    tier: Tier
    source: str
    urls: tuple[str, ...]
    note: str

    @property
    def verified(self) -> bool:
        """Whether somebody of ours saw it at a source; what was not never drives a verdict."""
        return self.tier <= Tier.DERIVED

    @property
    def said(self) -> datetime.date:
        """The day it was said, or the end of its period."""
        return self.vintage or self.period.end


@dataclass(frozen=True)
class Judged:
    """A forecast and what was said of the same period later: ``error`` = forecast / later - 1. ``overtaken``: a part of the series alone was
    larger, so the error is at most that.
    """

    forecast: Point
    later: Point
    error: float
    overtaken: bool


@dataclass(frozen=True)
class Growth:
    """Between two figures of one series, publisher, scope and vintage: growth a year."""

    first: Point
    last: Point
    rate: float


def parted(unit: str) -> tuple[float, str]:
    """The factor of a unit's prefix, and the rest.

    >>> parted("USD bn"), parted("M cards"), parted("%")
    ((1000000000.0, 'USD'), (1000000.0, 'cards'), (1.0, '%'))
    """
    words = unit.split(" ")
    scales = [factor(word, "1") for word in words if word in _SCALES]
    return (scales[0] if scales else 1.0), " ".join(word for word in words if word not in _SCALES)


def load_points(catalogue: Catalogue) -> tuple[Point, ...]:
    """Every figure, in the order of the tables."""
    found = []
    for row in catalogue.table("market", "series", _Row):
        scale, base = parted(row.unit)
        low, high = (row.value if each is None else each for each in (row.low, row.high))
        found.append(
            Point(
                row.series,
                row.scope,
                row.publisher,
                first_day(row.vintage) if row.vintage else None,
                row.vintage or "",
                period_of(row.period),
                row.period,
                row.value,
                row.unit,
                row.value * scale,
                low * scale,
                high * scale,
                base,
                row.kind,
                row.bound,
                Tier.of(row.tier),
                row.source,
                tuple(filter(None, row.url.split("|"))),
                row.note,
            )
        )
    return tuple(found)


def load_titles(catalogue: Catalogue) -> dict[str, Title]:
    """The names of the series, ours under the user's."""
    found: dict[str, Title] = {}
    for path, _ in catalogue.all_paths("market", "titles", ".toml"):
        for name, table in tomli.loads(path.read_text(encoding="utf-8")).items():
            row = validate(table, _Title, f"{path.name}: {name}")
            found[name] = Title(name, row.en, row.zh, row.group, row.part_of)
    return found


def judged(points: Sequence[Point], titles: dict[str, Title]) -> tuple[Judged, ...]:
    """Every forecast of which something later was said, by the same publisher in the same scope, or by a part of it that is already larger."""
    return tuple(one for forecast in points if forecast.kind in AHEAD for one in _later(forecast, points, titles))


def _later(forecast: Point, points: Sequence[Point], titles: dict[str, Title]) -> Iterable[Judged]:
    after = [each for each in points if each.said > forecast.said and each.base == forecast.base and each.value > 0]
    same = [each for each in after if _same(each, forecast) and each.period == forecast.period]
    if same:
        best = min(same, key=lambda each: ((*TOLD, *AHEAD, "model").index(each.kind), -each.said.toordinal()))
        yield Judged(forecast, best, forecast.value / best.value - 1, False)
    parts = {name for name, title in titles.items() if title.part_of == forecast.series}
    over = [each for each in after if each.series in parts and each.kind in TOLD and each.period.year <= forecast.period.year and each.value > forecast.value]
    if over:
        first = min(over, key=lambda each: each.said)
        yield Judged(forecast, first, forecast.value / first.value - 1, True)


def _same(one: Point, other: Point) -> bool:
    return (one.series, one.publisher, one.scope) == (other.series, other.publisher, other.scope)


def grown(points: Sequence[Point]) -> tuple[Growth, ...]:
    """Growth a year between neighbouring whole years of one series, publisher, scope and vintage."""
    groups: dict[tuple[object, ...], list[Point]] = {}
    for each in points:
        if each.period.whole_year and each.value > 0:
            groups.setdefault((each.series, each.publisher, each.scope, each.vintage, each.period.fiscal), []).append(each)
    found = []
    for group in groups.values():
        ordered = sorted(group, key=lambda each: each.period.year)
        for first, last in itertools.pairwise(ordered):
            if last.period.year > first.period.year:
                found.append(Growth(first, last, float(compound_growth(first.value, last.value, last.period.year - first.period.year))))
    return tuple(found)


@dataclass(frozen=True)
class Market:
    """Series with their growth and their forecasts against what came true."""

    titles: dict[str, Title]
    points: tuple[Point, ...]
    growth: tuple[Growth, ...]
    judged: tuple[Judged, ...]


def market_of(catalogue: Catalogue, series: str = "") -> Market:
    """Every series, or one (by id, or all of a group); ``UnknownName`` with the nearest."""
    titles, points = load_titles(catalogue), load_points(catalogue)
    kept = {name for name, title in titles.items() if series in ("", name, title.group)}
    if not kept:
        raise UnknownName("series", series, [*titles, *dict.fromkeys(title.group for title in titles.values())], command="suanli outlook market")
    chosen = tuple(each for each in points if each.series in kept)
    return Market(titles, chosen, grown(chosen), tuple(each for each in judged(points, titles) if each.forecast.series in kept))
