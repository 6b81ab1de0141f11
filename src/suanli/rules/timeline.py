"""How the answer on one item changed over the years."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from suanli.rules.book import RuleBook, default_book
from suanli.rules.engine import changes, check
from suanli.rules.item import Item
from suanli.rules.verdict import Verdict


@dataclass(frozen=True)
class Stretch:
    """Days, both included, on which the answer and its clauses were the same; ``verdict`` is that of the first, ``new`` the rules that were
    not in it before, ``gone`` those that no longer are.
    """

    since: datetime.date
    until: datetime.date
    verdict: Verdict
    new: tuple[str, ...]
    gone: tuple[str, ...]


def timeline(item: Item, destination: str, first: datetime.date, last: datetime.date, *, book: RuleBook | None = None, **case: Any) -> tuple[Stretch, ...]:
    """The stretches from ``first`` to ``last``; ``case`` as in ``check``. Every day of a stretch has its answer in every layer."""
    book = book or default_book()
    starts = [first, *(day for day in changes(book, case.get("party", "")) if first < day <= last)]
    ends = [day - datetime.timedelta(days=1) for day in starts[1:]] + [last]
    return tuple(_merged((since, until, check(item, destination, since, book=book, **case)) for since, until in zip(starts, ends, strict=True)))


def _merged(days: Iterator[tuple[datetime.date, datetime.date, Verdict]]) -> Iterator[Stretch]:
    held: Stretch | None = None
    for since, until, verdict in days:
        if held and _same(held.verdict, verdict):
            held = replace(held, until=until)
            continue
        if held:
            yield held
        before, now = _rules(held.verdict) if held else (), _rules(verdict)
        held = Stretch(since, until, verdict, tuple(each for each in now if each not in before), tuple(each for each in before if each not in now))
    if held:
        yield held


def _rules(verdict: Verdict) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.rule for each in verdict.clauses))


def _same(one: Verdict, other: Verdict) -> bool:
    return (one.eccn, one.layers, one.branches, _rules(one)) == (other.eccn, other.layers, other.branches, _rules(other))
