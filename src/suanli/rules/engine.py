"""From items, destinations and days to verdicts.

The rules in force on the day whose scope the case is in are found once per kind of circumstances; then the items are classified, every
requirement is collected, exceptions replace labels, review policies replace reviews, and the strictest requirement of each layer is its
answer. Where an unknown number decides, the case is answered on both sides of it. ``check`` explains one item with the same pass that
``screen`` and ``sweep`` make over many.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from suanli.rules.book import RuleBook, default_book
from suanli.rules.explain import branches, clauses, hypotheses, margins, missing, notices
from suanli.rules.item import Item
from suanli.rules.logic import Items
from suanli.rules.question import Asked, Circumstances, circumstances, day_of
from suanli.rules.side import Side, joined, one, outcome_of, sides
from suanli.rules.solve import Labels, Ruling, solve
from suanli.rules.verdict import OUTCOMES, UNKNOWN, Screen, Sweep, Verdict

Codes = npt.NDArray[np.int8]


def check(item: Item, destination: str, on: datetime.date | str, *, book: RuleBook | None = None, **case: Any) -> Verdict:
    """The verdict on one item for a destination on a day; ``case``: the other fields of ``Asked``.

    Raises ``BadInput`` on a day, country, transaction, layer or rule it does not know. Source: ``data/rules``.
    """
    book = book or default_book()
    asked = Asked(destination, on, **case)
    about, items = circumstances(asked, item.hq_country, book), Items((item,))
    found, rulings = solve(items, about, book)
    cases = sides(rulings, about, book)
    strictest, answers = cases[-1], joined(cases)
    eccn = one({case.eccn for case in cases}) if _classifies(about, book) else "n/a"
    return Verdict(
        outcome=outcome_of(cases), eccn=eccn, assembly=book.terms.assembly.get(eccn, ""), licence=answers[0].licence, review=answers[0].review,
        as_of=about.on.isoformat(), destination=about.destination, headquarters=about.headquarters, free=all(_free(each, book) for each in cases),
        clauses=clauses(strictest, item, about, book), notices=notices(found, cases, items, about, book),
        margins=margins(found, items, about, book), branches=branches(cases), missing=missing(found, cases, items, about), layers=answers,
        hypotheses=() if asked.supposing else hypotheses(found, cases, items, about, book),
    )  # fmt: skip


def screen(items: Sequence[Item] | Items, destination: str, on: datetime.date | str, *, book: RuleBook | None = None, **case: Any) -> Screen:
    """The outcomes of ``check`` for many items at once, without the explanations; arrays of length N."""
    book = book or default_book()
    items = items if isinstance(items, Items) else Items(tuple(items))
    found = _answers(items, Asked(destination, on, **case), book)
    eccn, licence, review = (np.array(names)[column] for names, column in _named(found, book))
    return Screen(found.outcome, eccn, licence, review, found.free)


def sweep(items: Sequence[Item] | Items, destinations: Sequence[str], days: Sequence[datetime.date], *, book: RuleBook | None = None, **case: Any) -> Sweep:
    """The outcomes of many items for many destinations on many days, (destinations, days, N). Days between two changes of the law
    share one answer, so it is worked out once.
    """
    book = book or default_book()
    items = items if isinstance(items, Items) else Items(tuple(items))
    for each in days:
        day_of(each, ahead=case.get("ahead", False))
    starts = changes(book, str(case.get("party", "")))
    period = np.searchsorted(np.array(starts, dtype="datetime64[D]"), np.array(days, dtype="datetime64[D]"), side="right")
    chosen, first, of_day = np.unique(period, return_index=True, return_inverse=True)
    whole = _Columns(*(np.empty((len(destinations), len(chosen), len(items)), dtype=kind) for kind in (*[np.int8] * len(_NAMED), np.bool_)))
    for row, destination in enumerate(destinations):
        for column, day in enumerate(first):
            whole.put((row, column), _answers(items, Asked(destination, days[day], **case), book))
    names = [each for each, _ in _named(whole, book)]
    return Sweep(*(getattr(whole, each.name)[:, of_day] for each in fields(whole)), *names)


def changes(book: RuleBook, party: str = "") -> tuple[datetime.date, ...]:
    """The days on which an answer may change, in order: a rule or an entry begins or has ended, a country changes its groups, ``party`` is listed."""
    return book.once(("changes", bool(party)), lambda: tuple(sorted(book.turning_days() | (book.listing_days() if party else set()))))


@dataclass(frozen=True)
class _Columns:
    """Answers as codes, (..., N), and whether nothing at all is asked for, in no layer and in no branch."""

    outcome: Codes
    eccn: Codes
    licence: Codes
    review: Codes
    free: npt.NDArray[np.bool_]

    def put(self, where: Any, other: _Columns, rows: Any = ...) -> None:
        """Set ``where`` to ``other`` (its ``rows``)."""
        for each in fields(self):
            getattr(self, each.name)[where] = getattr(other, each.name)[rows]


_NAMED = ("outcome", "eccn", "licence", "review")


def _named(found: _Columns, book: RuleBook) -> list[tuple[tuple[str, ...], Codes]]:
    """What the codes of the three labels stand for, and the codes."""
    labels = Labels.of(book)
    return [((*_eccns(book), UNKNOWN), found.eccn), ((*labels.licence, UNKNOWN), found.licence), ((*labels.review, UNKNOWN), found.review)]


def _answers(items: Items, asked: Asked, book: RuleBook) -> _Columns:
    whole = _Columns(*(np.empty(len(items), dtype=kind) for kind in (*[np.int8] * len(_NAMED), np.bool_)))
    codes, seat = items.seats
    for place, code in enumerate(codes):
        about = circumstances(asked, code, book)
        rows = seat == place
        whole.put(rows, _join(items, solve(items, about, book)[1], about, book), rows)
    return whole


def _join(items: Items, rulings: Sequence[Ruling], about: Circumstances, book: RuleBook) -> _Columns:
    """One code where all possible passes agree, the code after the last where they do not; found once for each set of rulings."""
    key = ("joined", id(rulings))
    if key not in items.memo:
        items.memo[key] = rulings, _joined(rulings, about, book)
    kept = items.memo[key]
    assert isinstance(kept, tuple)
    found: _Columns = kept[1]
    return found


def _joined(rulings: Sequence[Ruling], about: Circumstances, book: RuleBook) -> _Columns:
    possible = np.stack([each.possible for each in rulings])
    eccns, labels = _eccns(book), Labels.of(book)
    nothing = np.array([label.rank == 0 for label in book.terms.licence.values()])
    classifies = _classifies(about, book)

    def agreed(values: list[Codes], unknown: int) -> Codes:
        codes = np.stack(values)
        low = np.where(possible, codes, np.iinfo(np.int8).max).min(axis=0)
        high = np.where(possible, codes, -1).max(axis=0)
        return np.where(low == high, low, unknown).astype(np.int8)

    return _Columns(
        agreed([each.outcome.max(axis=0) for each in rulings], OUTCOMES.index(UNKNOWN)),
        agreed([np.full(possible.shape[1], eccns.index(each.eccn if classifies else "n/a")) for each in rulings], len(eccns)),
        agreed([each.licence[0] for each in rulings], len(labels.licence)),
        agreed([each.review[0] for each in rulings], len(labels.review)),
        np.asarray((~possible | np.stack([nothing[each.licence].all(axis=0) for each in rulings])).all(axis=0)),
    )


def _eccns(book: RuleBook) -> tuple[str, ...]:
    return book.once("eccns", lambda: tuple(dict.fromkeys(("n/a", "none", *(entry.eccn for rule in book.rules.values() for entry in rule.classify)))))


def _classifies(about: Circumstances, book: RuleBook) -> bool:
    return any(book.terms.layer[layer].classifies for layer in about.layers)


def _free(side: Side, book: RuleBook) -> bool:
    return all(book.terms.licence[each.licence].rank == 0 for each in side.answers)
