"""Accounts of makers: revenue, profit (attributable, and after non-recurring items), research; what a business earns of its own research."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from suanli.facts import Catalogue, Schema, Tier
from suanli.facts.reader import Day
from suanli.outlook.market import parted
from suanli.outlook.period import Period, PeriodText, period_of

Figure = Literal["revenue", "net_profit", "net_profit_excluding", "research", "employees", "research_staff"]


class _Row(Schema):
    company: str
    ticker: str = ""
    period: PeriodText
    vintage: Day | None = None
    figure: Figure
    value: float
    low: float | None = None
    high: float | None = None
    unit: str
    kind: Literal["actual", "preliminary", "guidance"]
    tier: Literal["measured", "official", "reported", "derived", "estimated", "assumed"]
    source: str = ""
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class Account:
    """One figure of a company: value with low and high where a range was announced, in ``base`` (CNY, USD, people)."""

    company: str
    ticker: str
    period: Period
    period_text: str
    vintage_text: str
    figure: Figure
    value: float
    low: float
    high: float
    base: str
    kind: str
    tier: Tier
    source: str
    urls: tuple[str, ...]
    note: str

    @property
    def verified(self) -> bool:
        """Whether somebody of ours saw it at a source."""
        return self.tier <= Tier.DERIVED


@dataclass(frozen=True)
class CompanyYear:
    """A company's period: what is known of it (NaN: unknown), and what follows.

    ``growth``: of revenue against the year before; ``research_share`` = research / revenue; ``margin`` = net profit / revenue; ``self_funding`` =
    (profit after non-recurring items + research) / research: the part of its research that the business earned itself, at 1 all of it.
    """

    period: Period
    period_text: str
    currency: str
    revenue: float
    net_profit: float
    net_profit_excluding: float
    research: float
    growth: float
    research_share: float
    margin: float
    self_funding: float
    verified: bool
    accounts: tuple[Account, ...]


def load_accounts(catalogue: Catalogue) -> tuple[Account, ...]:
    """Every figure, in the order of the tables."""
    found = []
    for row in catalogue.table("companies", "accounts", _Row):
        scale, base = parted(row.unit)
        low, high = (row.value if each is None else each for each in (row.low, row.high))
        found.append(
            Account(
                row.company,
                row.ticker,
                period_of(row.period),
                row.period,
                row.vintage or "",
                row.figure,
                row.value * scale,
                low * scale,
                high * scale,
                base,
                row.kind,
                Tier.of(row.tier),
                row.source,
                tuple(filter(None, row.url.split("|"))),
                row.note,
            )
        )
    return tuple(found)


def years_of(accounts: Sequence[Account], company: str) -> tuple[CompanyYear, ...]:
    """The periods of a company, oldest first; what was announced beforehand is left to ``accounts``."""
    mine = [each for each in accounts if each.company == company and each.kind != "guidance"]
    periods = sorted({each.period_text: each.period for each in mine}.items(), key=lambda pair: (pair[1].year, pair[1].months))
    revenue = {text: _value(mine, text, "revenue") for text, _ in periods}
    return tuple(_year(mine, text, period, revenue) for text, period in periods)


def _value(accounts: Sequence[Account], period: str, figure: str) -> float:
    return next((each.value for each in accounts if each.period_text == period and each.figure == figure), math.nan)


def _year(accounts: Sequence[Account], text: str, period: Period, revenue: dict[str, float]) -> CompanyYear:
    own = tuple(each for each in accounts if each.period_text == text)
    net, excluding, research = (_value(own, text, figure) for figure in ("net_profit", "net_profit_excluding", "research"))
    sales, before = revenue[text], revenue.get(text.replace(str(period.year), str(period.year - 1)), math.nan)
    earned = net if math.isnan(excluding) else excluding
    money = [each for each in own if each.base != "people"]
    return CompanyYear(
        period,
        text,
        money[0].base if money else "",
        sales,
        net,
        excluding,
        research,
        _ratio(sales, before) - 1,
        _ratio(research, sales),
        _ratio(net, sales),
        _ratio(earned + research, research),
        all(each.verified for each in money),
        own,
    )


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.nan
