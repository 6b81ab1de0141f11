"""What each platform costs: published prices as bands, an estimate from the class where there is none."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from suanli.economics import CostBreakdown, buy_cost, class_price_band, rent_cost
from suanli.economics import PriceBand as ClassBand
from suanli.facts import Catalogue, Fact, Tier
from suanli.facts.prices import (
    ExchangeRow,
    PriceBand,
    RentalRow,
    load_assumptions,
    load_exchange,
    load_purchases,
    load_rentals,
    purchase_band,
    rate_on,
    rental_band,
)
from suanli.hardware import Chip
from suanli.places import Place
from suanli.planning.ask import Acquire
from suanli.units import factor

Floats = NDArray[np.float64]


class Paid(Protocol):
    """What an ask says of money: rented or bought, with the prices of which day, where, and the defaults it was made with."""

    @property
    def acquire(self) -> Acquire: ...
    @property
    def on(self) -> datetime.date: ...
    @property
    def place(self) -> Place: ...
    @property
    def assumptions(self) -> Mapping[str, Fact]: ...


NONE = PriceBand(math.nan, math.nan, math.nan, 0, "", (), False, 0, Tier.ASSUMED)


@dataclass(frozen=True)
class Prices:
    """US dollars by chip: ``band`` (3, C) low/mid/high per chip-hour (rent) or per chip (buy, server included); ``tier`` and ``sources`` per chip.

    ``estimated`` (C,) where the band comes from the class; ``whole`` (C,) where the price is of whole servers (no overhead to add).
    """

    chips: tuple[str, ...]
    band: Floats
    tier: NDArray[np.int64]
    estimated: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    count: NDArray[np.int64]
    newest: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]

    def rows(self, chips: Sequence[str]) -> NDArray[np.int64]:
        """The row of each chip id."""
        where = {name: row for row, name in enumerate(self.chips)}
        return np.array([where[each] for each in chips])


def prices_of(catalogue: Catalogue, chips: Mapping[str, Chip], ask: Paid) -> Prices:
    """The price band of every chip on the ask's date: 10, 50, 90 % of the providers' (or sellers') prices, else estimated from its class."""
    exchange = load_exchange(catalogue)
    whole = np.zeros(len(chips), bool)
    if ask.acquire == "rent":
        rows = load_rentals(catalogue)
        offered = {row.chip for row in rows}
        bands = [_rent(rows, name, ask, exchange) if name in offered else NONE for name in chips]
    else:
        bought = load_purchases(catalogue)
        sold = {row.chip for row in bought}
        systems = [purchase_band(bought, name, ask.on, exchange, "system") if name in sold else NONE for name in chips]
        cards = [purchase_band(bought, name, ask.on, exchange, "card") if name in sold else NONE for name in chips]
        whole = np.array([each.count > 0 for each in systems])
        bands = [system if system.count else card for system, card in zip(systems, cards, strict=True)]
    band = np.array([[each.low, each.mid, each.high] for each in bands]).T
    guess = _estimate(chips, band[1])
    estimated = np.isnan(band[1])
    # one seller is no distribution: its band is as wide as half of what the class varies
    single = ~estimated & (band[0] == band[2])
    spread = np.stack([guess.low / guess.mid, np.ones(len(chips)), guess.high / guess.mid])
    band = np.where(estimated, np.stack([guess.low, guess.mid, guess.high]), np.where(single, band[1] * np.sqrt(spread), band))
    tier = np.where(estimated, Tier.ESTIMATED, [each.tier for each in bands]).astype(np.int64)
    return Prices(
        tuple(chips),
        band,
        tier,
        estimated,
        whole,
        np.array([each.count for each in bands]),
        tuple(each.newest for each in bands),
        tuple(each.sources for each in bands),
    )


def _rent(rows: Sequence[RentalRow], name: str, ask: Paid, exchange: Sequence[ExchangeRow]) -> PriceBand:
    found = rental_band(rows, name, ask.on, "on_demand", exchange, per_provider=True)
    return found if found.count else rental_band(rows, name, ask.on, "reserved", exchange, per_provider=True)


def _estimate(chips: Mapping[str, Chip], known: Floats) -> ClassBand:
    def column(name: str) -> Floats:
        return np.array([getattr(chip, name) for chip in chips.values()])

    peak = np.array(
        [max(chip.peaks.get("bf16", math.nan), chip.peaks.get("fp16", math.nan), key=lambda v: -1 if math.isnan(v) else v) for chip in chips.values()]
    )
    codes = np.array([2 * (chip.hq_country == "CN") + (chip.segment == "datacenter") for chip in chips.values()])
    return class_price_band(known, peak, column("memory_capacity"), column("memory_bandwidth"), codes)


@dataclass(frozen=True)
class Owning:
    """What running a fleet in a place costs beyond the chips: (3,) low/mid/high or scalars, US dollars."""

    server_overhead: Floats
    network_share: Floats
    years: Floats
    maintenance: Floats
    hosting: Floats
    capital_rate: Floats
    tariff: float
    pue: float


def owning(catalogue: Catalogue, ask: Paid) -> Owning:
    """The ownership assumptions at the ask's place; the tariff in US dollars per kWh (NaN where the place has none)."""
    facts = load_assumptions(catalogue)

    def three(fact: Fact) -> Floats:
        return np.array([fact.low, fact.value, fact.high])

    place = ask.place
    currency = place.price_currency or "USD"
    tariff = place.power_price / (1.0 if currency == "USD" else rate_on(load_exchange(catalogue), currency, ask.on))
    years = three(facts["depreciation"])[::-1] / factor("year", "second")  # a longer life is cheaper
    return Owning(
        three(facts["server_overhead"]),
        three(facts["network_share"]),
        years,
        three(facts["maintenance_share"]),
        three(facts["hosting"]),
        three(ask.assumptions["capital_rate"]),
        tariff,
        place.pue,
    )


def hourly_cost(ask: Paid, prices: Prices, own: Owning, chip_rows: NDArray[np.int64], chips: Floats, power: Floats, scenario: int) -> CostBreakdown:
    """US dollars per hour of fleets of ``chips`` chips drawing ``power`` [W], (N,), at low (0), mid (1) or high (2) prices."""
    price = prices.band[scenario, chip_rows]
    if ask.acquire == "rent":
        return rent_cost(price, chips)
    overhead = np.where(prices.whole[chip_rows], 0.0, own.server_overhead[scenario])
    return buy_cost(
        price,
        chips,
        overhead,
        own.network_share[scenario],
        own.years[scenario],
        0.0,
        own.maintenance[scenario],
        power,
        own.pue,
        own.tariff,
        own.hosting[scenario],
        own.capital_rate[scenario],
    )
