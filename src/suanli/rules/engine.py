"""From an item, a destination and a day to a verdict.

The rules in force on the day whose scope the case is in are found once per destination; then the item is classified, every requirement
is collected, exceptions replace labels, review policies replace reviews, and the strictest requirement of each layer is its answer.
Where an unknown number decides, the case is answered on both sides of it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np

from suanli.rules.book import RuleBook, default_book
from suanli.rules.explain import branches, clauses, margins, missing, notices
from suanli.rules.item import Item
from suanli.rules.question import Question, day_of, layers_of, put
from suanli.rules.solve import Case, solve
from suanli.rules.verdict import OUTCOMES, LayerAnswer, Screen, Verdict


def check(
    item: Item, destination: str, on: datetime.date | str, *, buyer_hq: str | None = None, party: str = "", owner: str = "",
    owner_share: float = math.nan, transaction: str | None = None, layers: Sequence[str] | None = None, ahead: bool = False,
    book: RuleBook | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on one item for a destination (ISO code, English or Chinese name) on a day.

    ``buyer_hq`` is the seat of the buyer's ultimate parent (assumed: the destination); ``party`` the buyer, ``owner`` and ``owner_share``
    [percent] who owns it; ``transaction`` in words (export, reexport from SG, in-country transfer, import, use, technical analysis,
    domestic; assumed: domestic where the maker sits in the destination, else export). ``layers`` of ``terms.toml``; all where ``None``.
    A future day is refused unless ``ahead``: then the rules as they read today are applied to it, and the verdict says so.

    Raises ``BadInput`` on a day, country, transaction or layer it does not know. Source: ``data/rules``.
    """
    book = book or default_book()
    day = day_of(on, ahead=ahead)
    place = book.country(destination, day)
    seat = book.country(buyer_hq, day) if buyer_hq else None
    question = put(item, place, seat, day, layers_of(layers, book), transaction, party, owner, owner_share, book)
    found, cases = solve(question, book)
    strictest, answers = cases[-1], _joined(cases)
    return Verdict(
        outcome=_outcome(cases), eccn=_eccn(cases, question, book), licence=answers[0].licence, review=answers[0].review,
        as_of=day.isoformat(),
        clauses=clauses(strictest, question, book), notices=notices(found, cases, question, book), margins=margins(found, question),
        branches=branches(cases), missing=missing(found, cases, question), layers=answers,
    )  # fmt: skip


def screen(
    items: Sequence[Item], destination: str, on: datetime.date | str, *, buyer_hq: str | None = None, party: str = "",
    transaction: str | None = None, layers: Sequence[str] | None = None, ahead: bool = False, book: RuleBook | None = None,
) -> Screen:  # fmt: skip
    """The outcomes of ``check`` for many items at once, without the explanations; arrays of length N."""
    book = book or default_book()
    day = day_of(on, ahead=ahead)
    place = book.country(destination, day)
    seat = book.country(buyer_hq, day) if buyer_hq else None
    asked = layers_of(layers, book)
    outcome = np.zeros(len(items), dtype=np.int8)
    labels: list[tuple[str, str]] = []
    for index, item in enumerate(items):
        _, cases = solve(put(item, place, seat, day, asked, transaction, party, "", math.nan, book), book)
        first = _joined(cases)[0]
        outcome[index] = OUTCOMES.index(_outcome(cases))
        labels.append((first.licence, first.review))
    return Screen(outcome, np.array([each[0] for each in labels]), np.array([each[1] for each in labels]))


def _one(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else "unknown"


def _outcome(cases: tuple[Case, ...]) -> str:
    return _one({case.outcome for case in cases})


def _eccn(cases: tuple[Case, ...], question: Question, book: RuleBook) -> str:
    return _one({case.eccn for case in cases}) if any(book.terms.layer[layer].classifies for layer in question.about.layers) else "n/a"


def _joined(cases: tuple[Case, ...]) -> tuple[LayerAnswer, ...]:
    """The answer of each layer, ``unknown`` where the cases differ."""
    return tuple(
        LayerAnswer(group[0].layer, *(_one({getattr(each, name) for each in group}) for name in ("outcome", "licence", "review")))
        for group in zip(*(case.answers for case in cases), strict=True)
    )
