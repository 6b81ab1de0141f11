"""Where compute, the market and the makers are going."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from suanli.api.finding import find_place
from suanli.facts import Catalogue
from suanli.outlook import Company, CompanyYear, Group, Growth, Market, companies, company_of, grew, groups_of, load_accounts, load_trained, market_of
from suanli.planning.frontier import FrontierRun
from suanli.planning.frontier import frontier_run as run_of
from suanli.planning.silicon import Silicon, silicon_of


def compute_growth(catalogue: Catalogue, rule: str = "record", first: datetime.date | None = None, last: datetime.date | None = None) -> Growth:
    """The growth of training compute of a sample; see ``outlook.grew``."""
    return grew(load_trained(catalogue), rule, first or datetime.date(2012, 1, 1), last)


def compute_groups(catalogue: Catalogue, growth: Growth, by: str) -> tuple[Group, ...]:
    """The models of the table in the years of ``growth`` by ``country`` or ``organisation``."""
    return groups_of(load_trained(catalogue), growth, by)


def frontier_run(catalogue: Catalogue, year: int, chips: Sequence[str], growth: Growth, place: str = "US", **given: Any) -> FrontierRun:
    """What the frontier run of a year would need of each chip; ``given`` as in ``planning.frontier``."""
    return run_of(catalogue, year, chips, growth, find_place(catalogue, place), **given)


def market(catalogue: Catalogue, series: str = "") -> Market:
    """Every market series, or one, or a group of them."""
    return market_of(catalogue, series)


def makers(catalogue: Catalogue) -> tuple[tuple[str, CompanyYear], ...]:
    """Every maker whose accounts are known, with its newest period."""
    return companies(load_accounts(catalogue))


def company(catalogue: Catalogue, name: str) -> Company:
    """A maker by name, ticker or Chinese name."""
    return company_of(catalogue, name)


def silicon(catalogue: Catalogue, **wanted: Any) -> Silicon:
    """The economy of a chip; ``wanted`` as in ``planning.silicon``."""
    return silicon_of(catalogue, **wanted)
