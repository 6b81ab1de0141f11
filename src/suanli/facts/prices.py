"""Prices as dated rows: rent per chip-hour, purchase, exchange rates; and what owning a machine costs beyond buying it.

``data/prices/rental.csv``, ``purchase.csv`` and ``exchange.csv`` hold one observation a row, each with its source. The files of the
same name in a user's folder add to ours. A question about a price is answered by a *band*: the 10, 50 and 90 % quantiles of the rows
of the twelve months before the day asked about, in US dollars per chip; unknown is NaN.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

from suanli.facts.catalogue import Catalogue
from suanli.facts.fact import Fact, Tier
from suanli.facts.reader import Day, Name, Schema, SourceFile, first_day, quantity
from suanli.units import DIMENSIONS, factor

#: the quantiles of a band: an 80 % interval and its middle
QUANTILES = (0.1, 0.5, 0.9)
DOLLAR = "USD"
_YEAR = datetime.timedelta(seconds=factor("year", "second"))

PriceType = Literal["on_demand", "spot", "reserved", "tco_model"]
TierName = Literal["measured", "official", "reported", "derived", "estimated", "assumed"]
Scope = Literal["card", "system", "any"]


def _currency(value: str) -> str:
    if value not in DIMENSIONS["money"]:
        raise ValueError(f'"{value}" is not a currency we know ({", ".join(DIMENSIONS["money"])})')
    return value


Currency = Annotated[str, AfterValidator(_currency)]


class PriceRow(Schema):
    """What every price row has: a positive amount of a currency on a day, how it is known, and where it was read."""

    chip: Name
    price: float = Field(gt=0)
    currency: Currency
    date: Day
    tier: TierName
    source: str = Field(min_length=1)
    note: str = ""


class RentalRow(PriceRow):
    """``rental.csv``: ``price`` of one chip for one hour. ``tco_model`` is an owner's cost by somebody's model, not an offer."""

    provider: str = Field(min_length=1)
    region: str = ""
    price_type: PriceType


class PurchaseRow(PriceRow):
    """``purchase.csv``: ``price`` of one ``unit`` (card, server, rack ...) that holds ``chips``; blank = unclear, the row is then not used.

    ``chip`` is the id of a chip, or of a system where the price is known for the system only.
    """

    unit: str = Field(min_length=1)
    chips: int | None = Field(default=None, ge=1)


class ExchangeRow(Schema):
    """``exchange.csv``: units of ``currency`` per US dollar, the average of ``date`` (a year, half-year, month) or the rate of that day."""

    currency: Currency
    date: Day
    per_usd: float = Field(gt=0)
    tier: TierName
    source: str = Field(min_length=1)


class AssumptionsFile(Schema):
    """``data/prices/assumptions.toml``: what owning costs beyond the chips. Shares are of what their note names."""

    sources: dict[str, SourceFile]
    hosting: quantity("money/kW-month")  # type: ignore[valid-type]
    depreciation: quantity("second")  # type: ignore[valid-type]
    server_overhead: quantity("1")  # type: ignore[valid-type]
    network_share: quantity("1")  # type: ignore[valid-type]
    maintenance_share: quantity("1")  # type: ignore[valid-type]
    utilisation: quantity("1")  # type: ignore[valid-type]


@dataclass(frozen=True)
class PriceBand:
    """US dollars per chip(-hour): quantiles of ``count`` rows, NaN where there is none.

    ``newest`` is the date of the newest row and ``sources`` name all of them; ``stale`` says that no row is of the last twelve months,
    ``left_out`` how many rows could not be converted or counted; ``tier`` is the worst of the rows.
    """

    low: float
    mid: float
    high: float
    count: int
    newest: str
    sources: tuple[str, ...]
    stale: bool
    left_out: int
    tier: Tier


R = TypeVar("R", bound=PriceRow)


def load_rentals(catalogue: Catalogue) -> list[RentalRow]:
    """All rental rows, ours and the user's."""
    return catalogue.table("prices", "rental", RentalRow)


def load_purchases(catalogue: Catalogue) -> list[PurchaseRow]:
    """All purchase rows, ours and the user's."""
    return catalogue.table("prices", "purchase", PurchaseRow)


def load_exchange(catalogue: Catalogue) -> list[ExchangeRow]:
    """All exchange rates, ours and the user's."""
    return catalogue.table("prices", "exchange", ExchangeRow)


def load_assumptions(catalogue: Catalogue) -> Mapping[str, Fact]:
    """The facts ``hosting``, ``depreciation``, ``server_overhead`` ... (the fields of ``AssumptionsFile``); a user's file replaces ours."""
    return catalogue.record("prices", "assumptions", AssumptionsFile).facts


def exchange_rate(catalogue: Catalogue, currency: str, as_of: datetime.date | str) -> float:
    """Units of ``currency`` per US dollar by the newest row not after ``as_of``; NaN where there is none."""
    return rate_on(load_exchange(catalogue), currency, as_of)


def rate_on(exchange: Sequence[ExchangeRow], currency: str, as_of: datetime.date | str) -> float:
    """``exchange_rate`` on rows already at hand; of two rows of one day the later in the list counts.

    >>> rows = [ExchangeRow(currency="CNY", date="2024", per_usd=7.2, tier="official", source="a"),
    ...         ExchangeRow(currency="CNY", date="2025", per_usd=7.1, tier="official", source="b")]
    >>> rate_on(rows, "CNY", "2024-12-31"), rate_on(rows, "USD", "2024"), rate_on(rows, "CNY", "2023")
    (7.2, 1.0, nan)
    """
    if currency == DOLLAR:
        return 1.0
    day = _date(as_of)
    dated = [(first_day(row.date), place, row.per_usd) for place, row in enumerate(exchange) if row.currency == currency]
    known = [each for each in dated if each[0] <= day]
    return max(known)[2] if known else math.nan


def rental_band(
    rows: Sequence[RentalRow],
    chip: str,
    as_of: datetime.date | str,
    price_type: PriceType = "on_demand",
    exchange: Sequence[ExchangeRow] = (),
    per_provider: bool = False,
) -> PriceBand:
    """The band of the rent of one chip-hour of ``chip`` [USD], offers of ``price_type``; rows in other currencies need ``exchange``.

    ``per_provider``: each provider counts once, with the median of its rows, so that one that lists twenty regions does not decide.
    """
    chosen = [row for row in rows if row.chip == chip and row.price_type == price_type]
    group = (lambda row: _house(row.provider)) if per_provider else None
    return _band(chosen, as_of, lambda row: row.price / rate_on(exchange, row.currency, first_day(row.date)), group)


def purchase_band(rows: Sequence[PurchaseRow], chip: str, as_of: datetime.date | str, exchange: Sequence[ExchangeRow] = (), scope: Scope = "any") -> PriceBand:
    """The band of the price per chip of ``chip`` [USD]: price of the unit / its chips, at the exchange rate of the row's date.

    ``scope``: ``card`` for bare cards, ``system`` for servers and racks (each chip then carries its share of them), or both mixed.
    """
    chosen = [row for row in rows if row.chip == chip and (scope == "any" or (row.unit == "card") == (scope == "card"))]
    return _band(chosen, as_of, lambda row: row.price / (row.chips or math.nan) / rate_on(exchange, row.currency, first_day(row.date)))


def _house(provider: str) -> str:
    """The company behind a provider's name, without the machine type or the remark.

    >>> _house("AWS EC2 p5.48xlarge"), _house("AWS EC2 P5 (p5.48xlarge)"), _house("Overseas GPU clouds, median of runpod")
    ('AWS EC2', 'AWS EC2', 'Overseas GPU clouds')
    """
    return re.split(r"[,:(]|\s+(?:[a-zA-Z]|trn|inf)\d", provider)[0].strip()


def _band(rows: Sequence[R], as_of: datetime.date | str, dollars: Callable[[R], float], group: Callable[[R], str] | None = None) -> PriceBand:
    day = _date(as_of)
    past = [row for row in rows if first_day(row.date) <= day]
    usable = [row for row in past if not math.isnan(dollars(row))]
    left_out = len(past) - len(usable)
    if not usable:
        return PriceBand(math.nan, math.nan, math.nan, 0, "", (), False, left_out, Tier.ASSUMED)
    newest = max(usable, key=lambda row: first_day(row.date))
    stale = first_day(newest.date) <= day - _YEAR
    since = (first_day(newest.date) if stale else day) - _YEAR
    used = [row for row in usable if first_day(row.date) > since]
    groups: dict[str, list[float]] = {}
    for place, row in enumerate(used):
        groups.setdefault(group(row) if group else str(place), []).append(dollars(row))
    low, mid, high = (float(each) for each in np.quantile([float(np.median(each)) for each in groups.values()], QUANTILES))
    sources = tuple(dict.fromkeys(row.source for row in used))
    return PriceBand(low, mid, high, len(used), newest.date, sources, stale, left_out, max(Tier.of(row.tier) for row in used))


def _date(as_of: datetime.date | str) -> datetime.date:
    return first_day(as_of) if isinstance(as_of, str) else as_of
