"""Looking a company up on the party list."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from suanli.errors import nearest
from suanli.facts.reader import first_day
from suanli.rules.book import RuleBook
from suanli.rules.files import PartyRow
from suanli.rules.item import tokens

_FORMS = {"co", "company", "ltd", "limited", "inc", "incorporated", "corp", "corporation", "technology", "technologies", "plc", "llc"}


@dataclass(frozen=True)
class Listing:
    """The answer for one name: the row found (``None``: not in our table), whether it was listed on the day, and near names."""

    row: PartyRow | None
    listed: bool
    near: tuple[str, ...] = ()


def _plain(name: str) -> tuple[str, ...]:
    words = [word for word in tokens(name) if word not in _FORMS]
    return tuple(words) or tokens(name)


def _spellings(name: str) -> set[tuple[str, ...]]:
    """A name with and without its legal form and what stands in brackets.

    >>> sorted(_spellings("Enflame (Suiyuan) Co., Ltd."))
    [('enflame',), ('enflame', 'suiyuan')]
    """
    return {_plain(name), _plain(re.sub(r"[(（].*?[)）]", " ", name))} - {()}


def listing(name: str, on: datetime.date, book: RuleBook) -> Listing:
    """Whether ``name`` was on the Entity List on a day, by name, alias or Chinese name; never by parts of a name."""
    wanted = _spellings(name)
    for row in book.parties:
        known = [row.name, *filter(None, row.aliases.split("|")), *filter(None, row.name_zh.split("|"))]
        if wanted & set().union(*map(_spellings, known)):
            return Listing(row, row.listed == "yes" and row.since is not None and first_day(row.since) <= on)
    return Listing(None, False, tuple(nearest(name, [row.name for row in book.parties])))
