"""A maker: its accounts, what it announced, the series it publishes, its chips, and what it is ranked as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suanli.errors import UnknownName
from suanli.facts import Catalogue, Schema
from suanli.hardware import Chip, load_chips
from suanli.outlook.accounts import Account, CompanyYear, load_accounts, years_of
from suanli.outlook.market import Point, load_points


@dataclass(frozen=True)
class Company:
    """A maker: its periods, what it announced beforehand, market series it publishes, chips in the catalogue, and what it is ranked as."""

    name: str
    ticker: str
    years: tuple[CompanyYear, ...]
    announced: tuple[Account, ...]
    points: tuple[Point, ...]
    chips: tuple[Chip, ...]
    ranked: str


def companies(accounts: Sequence[Account]) -> tuple[tuple[str, CompanyYear], ...]:
    """Every company with its newest period, by name."""
    names = sorted({each.company for each in accounts})
    return tuple((name, years_of(accounts, name)[-1]) for name in names)


def company_of(catalogue: Catalogue, name: str) -> Company:
    """A maker by name, ticker or Chinese name; ``UnknownName`` with the nearest."""
    accounts = load_accounts(catalogue)
    chips = load_chips(catalogue)
    names = {each.company.lower(): each.company for each in accounts} | {each.ticker.lower(): each.company for each in accounts if each.ticker}
    chinese = {chip.vendor_zh.lower(): _account_name(chip.vendor, accounts) for chip in chips.values() if chip.vendor_zh}
    names |= {name: known for name, known in chinese.items() if known}
    found = names.get(name.strip().lower())
    if not found:
        raise UnknownName("company", name, [each for each in names if each], command="suanli outlook company")
    mine = tuple(chip for chip in chips.values() if _account_name(chip.vendor, accounts) == found)
    ticker = next((each.ticker for each in accounts if each.company == found and each.ticker), "")
    announced = tuple(each for each in accounts if each.company == found and each.kind == "guidance")
    points = tuple(each for each in load_points(catalogue) if each.publisher == found)
    ranked = next((row.note for row in catalogue.table("companies", "vendors", _Vendor) if row.vendor.startswith(found) and row.note), "")
    return Company(found, ticker, years_of(accounts, found), announced, points, mine, ranked)


class _Vendor(Schema):
    vendor: str
    vendor_zh: str = ""
    hq_country: str = ""
    founded: str = ""
    listed: str = ""
    chip_classes: str = ""
    named_in_article: str = ""
    note: str = ""
    tier: str = ""


def _account_name(vendor: str, accounts: Sequence[Account]) -> str:
    """The company whose accounts are those of a chip's vendor: the same name, or its beginning."""
    return next((each.company for each in accounts if vendor == each.company or vendor.startswith(each.company + " ")), "")
