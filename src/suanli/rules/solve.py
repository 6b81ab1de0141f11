"""The reasoning: which entries apply, what the item is, what the strictest requirement of each layer asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from suanli.rules.book import RuleBook
from suanli.rules.files import Classify, Entry, Exempt, Notice, Require, Review, RuleFile, Scope
from suanli.rules.item import metrics, named
from suanli.rules.logic import Facts, holds, within
from suanli.rules.parties import listing
from suanli.rules.question import Circumstances, Question
from suanli.rules.verdict import OUTCOMES, LayerAnswer

#: the transactions that requirements and notices are about unless they name their own
TRADE = ("export", "reexport", "transfer", "transit")

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Bound(Generic[E]):
    """An entry with the rule it belongs to."""

    rule: RuleFile
    entry: E


@dataclass(frozen=True)
class Applicable:
    """The entries in force whose scope the case is in, by kind, oldest rule first."""

    classify: tuple[Bound[Classify], ...]
    require: tuple[Bound[Require], ...]
    exempt: tuple[Bound[Exempt], ...]
    review: tuple[Bound[Review], ...]
    notice: tuple[Bound[Notice], ...]


@dataclass(frozen=True)
class Demand:
    """One requirement as it stands after exceptions and review policies; ``by`` are the entries that changed it."""

    rule: RuleFile
    entry: Require
    licence: str
    review: str
    rank: int
    outcome: str
    by: tuple[Bound[Exempt] | Bound[Review], ...] = ()


@dataclass(frozen=True)
class Case:
    """One way the unknown values can fall: a classification, the demands, and the answer per layer group."""

    eccn: str
    demands: tuple[Demand, ...]
    answers: tuple[LayerAnswer, ...]

    @property
    def outcome(self) -> str:
        return max((each.outcome for each in self.answers), key=OUTCOMES.index)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.eccn, self.outcome, self.answers[0].licence, self.answers[0].review


def applicable(question: Question, book: RuleBook) -> Applicable:
    """The entries the case is in the scope of. What depends on the circumstances alone is found once and remembered."""
    about = question.about
    key = ("applicable", about)
    if key not in book.memo:
        book.memo[key] = _static(about, book)
    static = book.memo[key]
    assert isinstance(static, Applicable)

    def mine(entries: tuple[Bound[E], ...]) -> tuple[Bound[E], ...]:
        return tuple(each for each in entries if _fits(each.entry.scope, question))

    return Applicable(static.classify, mine(static.require), mine(static.exempt), mine(static.review), mine(static.notice))


def _static(about: Circumstances, book: RuleBook) -> Applicable:
    listed = {kind: bool(name) and listing(name, about.on, book).listed for kind, name in (("party", about.party), ("owner", about.owner))}
    rules = sorted((rule for rule in book.rules.values() if book.in_force(rule, None, about.on)), key=lambda rule: str(rule.from_))
    asked = [rule for rule in rules if rule.layer in about.layers]

    def here(entries: Sequence[E], rule: RuleFile, trade: bool) -> list[Bound[E]]:
        current = [entry for entry in entries if book.in_force(rule, entry, about.on)]
        return [Bound(rule, entry) for entry in current if _circumstances_fit(entry.scope, about, trade, listed)]

    return Applicable(
        tuple(Bound(rule, entry) for rule in rules for entry in rule.classify if book.in_force(rule, entry, about.on)),
        tuple(each for rule in asked for each in here(rule.require, rule, True)),
        tuple(each for rule in asked for each in here(rule.exempt, rule, False)),
        tuple(each for rule in asked for each in here(rule.review, rule, False)),
        tuple(each for rule in asked for each in here(rule.notice, rule, True)),
    )


def _circumstances_fit(scope: Scope, about: Circumstances, trade: bool, listed: dict[str, bool]) -> bool:
    kinds = scope.transactions or (TRADE if trade else None)
    return (
        within(scope.destination, about.destination)
        and within(scope.headquarters, about.headquarters)
        and (kinds is None or about.kind in kinds)
        and (scope.origin is None or about.origin in scope.origin)
        and (scope.home is None or scope.home is about.home)
        and (scope.listed is None or listed[scope.listed])
        and (scope.parties is None or any(named(about.party, each) for each in scope.parties))
    )


def _fits(scope: Scope, question: Question) -> bool:
    item, makers = question.item, question.makers
    if scope.vendors is not None and not unnamed(item.vendor) and not any(named(item.vendor, each) for each in scope.vendors):
        return False
    area = scope.maker
    if area is not None and not any(within(area, each) for each in makers) and not any(named(item.name, each) for each in area.or_names):
        return False
    return scope.not_maker is None or not any(within(scope.not_maker, each) for each in makers)


def unnamed(vendor: str) -> bool:
    """Whether the maker is not said; a letter then applies as if an addressee sold the item, and the verdict says so."""
    return vendor.strip(" -") == ""


def codes(entries: Sequence[Bound[Classify]], facts: Facts) -> tuple[str, ...]:
    """The control-list entries an item can be under: one where known, several where an unknown value decides."""
    found: list[str] = []
    for each in entries:
        if each.entry.stated:
            continue
        truth = holds(each.entry.when, facts)
        if truth is not False:
            found.append(each.entry.eccn)
        if truth:
            break
    else:
        found.append("none")
    distinct = tuple(dict.fromkeys(found))
    if len(distinct) > 1:
        stated = [each.entry.eccn for each in entries if each.entry.stated and holds(each.entry.when, facts)]
        return (stated[0],) if stated else distinct
    return distinct


def solve(question: Question, book: RuleBook) -> tuple[Applicable, tuple[Case, ...]]:
    """Every distinct case of a question, mild to strict."""
    found = applicable(question, book)
    facts = Facts(question.item, metrics(question.item, question.about.owner_share))
    cases: dict[tuple[str, tuple[LayerAnswer, ...]], Case] = {}
    for eccn in codes(found.classify, facts):
        for strict in (False, True):
            case = _case(found, replace(facts, eccn=eccn), strict, question.about, book)
            cases.setdefault((eccn, case.answers), case)
    return found, tuple(sorted(cases.values(), key=lambda case: OUTCOMES.index(case.outcome)))


def _case(found: Applicable, facts: Facts, strict: bool, about: Circumstances, book: RuleBook) -> Case:
    """One case: unknown requirements count, and unknown relief does not, where ``strict``."""
    demands = []
    for each in found.require:
        truth = holds(each.entry.when, facts)
        if strict if truth is None else truth:
            demands.append(_demand(each, found, facts, strict, book))
    answers = tuple(_answer(group, demands, about, book) for group in groups(about.layers, book))
    return Case(facts.eccn, tuple(demands), answers)


def _demand(bound: Bound[Require], found: Applicable, facts: Facts, strict: bool, book: RuleBook) -> Demand:
    label, entry = book.terms.licence[bound.entry.licence], bound.entry
    demand = Demand(
        bound.rule, entry, entry.licence, entry.review,
        label.rank if entry.rank is None else entry.rank, entry.outcome or label.outcome,
    )  # fmt: skip
    for relief in found.exempt:
        if bound.rule.id in relief.entry.of and _granted(relief.entry, facts, strict):
            label = book.terms.licence[relief.entry.licence]
            demand = replace(demand, licence=relief.entry.licence, rank=label.rank, outcome=label.outcome, by=(*demand.by, relief))
    for policy in found.review:
        if bound.rule.id in policy.entry.of and _granted(policy.entry, facts, strict):
            demand = replace(demand, review=policy.entry.review, by=(*demand.by, policy))
    return demand


def _granted(entry: Entry, facts: Facts, strict: bool) -> bool:
    truth = holds(entry.when, facts)
    return not strict if truth is None else truth


def groups(layers: Sequence[str], book: RuleBook) -> dict[str, str]:
    """Layer group -> the first of its layers, in the order asked."""
    named_groups: dict[str, str] = {}
    for layer in layers:
        named_groups.setdefault(book.terms.layer[layer].group, layer)
    return named_groups


def _answer(group: str, demands: Sequence[Demand], about: Circumstances, book: RuleBook) -> LayerAnswer:
    mine = [each for each in demands if book.terms.layer[each.rule.layer].group == group]
    default = book.terms.layer[groups(about.layers, book)[group]]
    decisive = max(mine, key=lambda each: each.rank, default=None)
    if decisive is None or decisive.rank == 0:
        return LayerAnswer(group, "allowed", default.licence, default.review)
    outcome = max((each.outcome for each in mine), key=OUTCOMES.index)
    review = max((each.review for each in mine if each.rank > 0), key=lambda each: book.terms.review[each])
    return LayerAnswer(group, outcome, decisive.licence, review)
