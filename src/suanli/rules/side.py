"""The rulings on one item as plain records: one for each way in which its unknown values can fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suanli.rules.book import RuleBook
from suanli.rules.files import Exempt, Require, Review
from suanli.rules.question import Circumstances
from suanli.rules.solve import Bound, Labels, Ruling, groups_of
from suanli.rules.verdict import OUTCOMES, UNKNOWN, LayerAnswer


@dataclass(frozen=True)
class Asks:
    """One requirement as it stands after exceptions and review policies; ``by`` are the entries that changed it."""

    bound: Bound[Require]
    licence: str
    review: str
    rank: int
    by: tuple[Bound[Exempt] | Bound[Review], ...]


@dataclass(frozen=True)
class Side:
    """A control-list entry, what is asked for, and the answer of each layer group."""

    eccn: str
    asks: tuple[Asks, ...]
    answers: tuple[LayerAnswer, ...]

    @property
    def outcome(self) -> str:
        """The strictest of all layers."""
        return max((each.outcome for each in self.answers), key=OUTCOMES.index)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells one answer from another."""
        return self.eccn, self.outcome, self.answers[0].licence, self.answers[0].review


def sides(rulings: Sequence[Ruling], about: Circumstances, book: RuleBook) -> tuple[Side, ...]:
    """The distinct sides of the one item of ``rulings``, mild to strict."""
    labels = Labels.of(book)
    found: dict[tuple[str, tuple[LayerAnswer, ...]], Side] = {}
    for ruling in rulings:
        if not ruling.possible[0]:
            continue
        answers = tuple(
            LayerAnswer(group, OUTCOMES[ruling.outcome[row, 0]], labels.licence[ruling.licence[row, 0]], labels.review[ruling.review[row, 0]])
            for row, group in enumerate(groups_of(about.layers, book))
        )
        asks = tuple(
            Asks(each.bound, labels.licence[each.licence[0]], labels.review[each.review[0]], int(each.rank[0]), tuple(one for one, on in each.by if on[0]))
            for each in ruling.demands
            if each.applies[0]
        )
        found.setdefault((ruling.eccn, answers), Side(ruling.eccn, asks, answers))
    return tuple(sorted(found.values(), key=lambda side: OUTCOMES.index(side.outcome)))


def one(values: set[str]) -> str:
    """The value, or ``unknown`` where there are several."""
    return values.pop() if len(values) == 1 else UNKNOWN


def outcome_of(cases: Sequence[Side]) -> str:
    """The outcome of all sides."""
    return one({case.outcome for case in cases})


def joined(cases: Sequence[Side]) -> tuple[LayerAnswer, ...]:
    """The answer of each layer, ``unknown`` where the sides differ."""
    return tuple(
        LayerAnswer(group[0].layer, *(one({getattr(each, name) for each in group}) for name in ("outcome", "licence", "review")))
        for group in zip(*(case.answers for case in cases), strict=True)
    )
