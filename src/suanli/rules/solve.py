"""The reasoning, on columns: which entries apply, what each item is, what the strictest requirement of each layer asks for.

Where an unknown value decides, every side of it is worked out: for each control-list entry that an item may be under, once with
unknown requirements left out and unknown relief granted (mild), once the other way round (strict). One such pass is a ``Ruling``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from suanli.rules.book import Country, RuleBook
from suanli.rules.files import HYPOTHETICAL, Classify, Entry, Exempt, Notice, Require, Review, RuleFile, Scope
from suanli.rules.item import named
from suanli.rules.logic import MAYBE, NO, YES, Facts, Items, Truths, holds, within
from suanli.rules.parties import Listing, listing
from suanli.rules.question import Circumstances
from suanli.rules.verdict import OUTCOMES

#: the transactions that requirements and notices are about unless they name their own
TRADE = ("export", "reexport", "transfer", "transit")

E = TypeVar("E", bound=Entry)
Codes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bound(Generic[E]):
    """An entry with the rule it belongs to."""

    rule: RuleFile
    entry: E


@dataclass(frozen=True)
class Applicable:
    """The entries in force whose circumstances the case is in, by kind, oldest rule first."""

    classify: tuple[Bound[Classify], ...]
    require: tuple[Bound[Require], ...]
    exempt: tuple[Bound[Exempt], ...]
    review: tuple[Bound[Review], ...]
    notice: tuple[Bound[Notice], ...]


@dataclass(frozen=True)
class Demand:
    """One requirement on every item, after exceptions and review policies; columns (N,), labels and policies as codes (``Labels``)."""

    bound: Bound[Require]
    applies: Flags
    licence: Codes
    review: Codes
    rank: Codes
    outcome: Codes
    by: tuple[tuple[Bound[Exempt] | Bound[Review], Flags], ...]


@dataclass(frozen=True)
class Ruling:
    """One pass: for the items that may be under ``eccn``, the answer of each layer group, (G, N)."""

    eccn: str
    strict: bool
    possible: Flags
    demands: tuple[Demand, ...]
    outcome: Codes
    licence: Codes
    review: Codes


@dataclass(frozen=True)
class Labels:
    """What the codes of a ``Ruling`` stand for, and how strict each is."""

    licence: tuple[str, ...]
    review: tuple[str, ...]
    strictness: npt.NDArray[np.int8]

    @classmethod
    def of(cls, book: RuleBook) -> Labels:
        policies = book.terms.review
        return cls(tuple(book.terms.licence), tuple(policies), np.array(list(policies.values()), dtype=np.int8))


def applicable(about: Circumstances, book: RuleBook) -> Applicable:
    """The entries of the circumstances; found once for all circumstances that no scope tells apart."""
    return book.once(("applicable", *_kin(about, book)), lambda: _applicable(about, book))


def _kin(about: Circumstances, book: RuleBook) -> tuple[object, ...]:
    origins = book.once("origins", lambda: frozenset(code for scope in _scopes(book) for code in scope.origin or ()))
    origin = about.origin if about.origin in origins else ""
    places = tuple(_membership(country, book) for country in (about.destination, about.headquarters))
    return about.on, about.layers, about.supposing, about.kind, origin, about.home, about.party, about.owner, *places


def _membership(country: Country, book: RuleBook) -> tuple[bool, ...]:
    """Which of the areas that scopes speak of a country is in."""
    areas = book.once("areas", lambda: [area for scope in _scopes(book) for area in (scope.destination, scope.headquarters) if area])
    return book.once(("membership", country), lambda: tuple(within(area, country) for area in areas))


def _scopes(book: RuleBook) -> Sequence[Scope]:
    return [entry.scope for rule in book.rules.values() for entry in rule.entries]


def _applicable(about: Circumstances, book: RuleBook) -> Applicable:
    listed = {kind: listing(name, about.on, book) if name else None for kind, name in (("party", about.party), ("owner", about.owner))}
    asked = [rule for rule in _in_force(about, book) if rule.layer in about.layers]

    def here(entries: Sequence[E], rule: RuleFile, trade: bool) -> list[Bound[E]]:
        current = [entry for entry in entries if book.in_force(rule, entry, about.on)]
        return [Bound(rule, entry) for entry in current if _fits(entry.scope, about, trade, listed)]

    def law(rule: RuleFile) -> bool:
        return rule.binding not in HYPOTHETICAL or rule.id in about.supposing

    return Applicable(
        tuple(Bound(rule, entry) for rule in _in_force(about, book) if law(rule) for entry in rule.classify if book.in_force(rule, entry, about.on)),
        tuple(each for rule in asked if law(rule) for each in here(rule.require, rule, True)),
        tuple(each for rule in asked if law(rule) for each in here(rule.exempt, rule, False)),
        tuple(each for rule in asked if law(rule) for each in here(rule.review, rule, False)),
        tuple(each for rule in asked for each in here(rule.notice, rule, True)),
    )


def _in_force(about: Circumstances, book: RuleBook) -> list[RuleFile]:
    rules = (rule for rule in book.rules.values() if book.in_force(rule, None, about.on))
    return book.once(("in_force", about.on), lambda: sorted(rules, key=lambda rule: str(rule.from_)))


def _fits(scope: Scope, about: Circumstances, trade: bool, listed: dict[str, Listing | None]) -> bool:
    """Whether the circumstances are in a scope."""
    kinds = scope.transactions or (TRADE if trade else None)
    if not (
        within(scope.destination, about.destination)
        and within(scope.headquarters, about.headquarters)
        and (kinds is None or about.kind in kinds)
        and (scope.origin is None or about.origin in scope.origin)
        and (scope.home is None or scope.home is about.home)
        and (scope.parties is None or any(named(about.party, each) for each in scope.parties))
    ):
        return False
    if scope.listed is None:
        return True
    found = listed[scope.listed]
    if found is None or not found.listed or found.row is None:
        return False
    return scope.footnotes is None or bool(set(scope.footnotes) & set(found.row.footnote.split("|")))


def selling(scope: Scope, items: Items, about: Circumstances, book: RuleBook) -> Flags:
    """Which items are of a seller and a maker in the scope (N,)."""
    chosen = np.ones(len(items), dtype=bool)
    if scope.vendors is not None:
        vendors = scope.vendors
        by_vendor = items.found(
            ("vendors", vendors), lambda: [unnamed(item.vendor) or any(named(item.vendor, each) for each in vendors) for item in items.each]
        )
        chosen &= by_vendor != NO
    for area, wanted in ((scope.maker, True), (scope.not_maker, False)):
        if area is not None:
            codes, row = items.seats
            seated = np.array([any(within(area, country) for country in book.seats(code, about.on)) for code in codes], dtype=bool)
            chosen &= (seated[row] | _called(area.or_names, items)) == wanted
    return chosen


def _called(names: tuple[str, ...], items: Items) -> Flags:
    return np.asarray(items.found(("names", names), lambda: [YES * any(named(item.name, each) for each in names) for item in items.each]) != NO)


def unnamed(vendor: str) -> bool:
    """Whether the maker is not said; a letter then applies as if an addressee sold the item, and the verdict says so."""
    return vendor.strip(" -") == ""


def codes(entries: Sequence[Bound[Classify]], facts: Facts) -> dict[str, Flags]:
    """For each control-list entry the items that may be under it: one entry an item where known, several where an unknown value decides."""
    count = len(facts.items)
    still = np.ones(count, dtype=bool)
    found: dict[str, Flags] = {}
    for each in entries:
        if not each.entry.stated:
            truth = holds(each.entry.when, facts)
            found[each.entry.eccn] = found.get(each.entry.eccn, np.zeros(count, dtype=bool)) | (still & (truth != NO))
            still &= truth != YES
    found["none"] = found.get("none", np.zeros(count, dtype=bool)) | still
    open_ = np.sum(list(found.values()), axis=0) > 1
    for each in entries:
        if each.entry.stated:
            said = open_ & (holds(each.entry.when, facts) == YES)
            for name in found:
                found[name] = found[name] & ~said
            found[each.entry.eccn] = found.get(each.entry.eccn, np.zeros(count, dtype=bool)) | said
            open_ &= ~said
    return {name: possible for name, possible in found.items() if possible.any()}


def solve(items: Items, about: Circumstances, book: RuleBook) -> tuple[Applicable, tuple[Ruling, ...]]:
    """The entries that count, and every pass, mild before strict. Circumstances that come to the same are worked out once."""
    found = applicable(about, book)
    entries: list[Entry] = [*(each.entry for each in found.require), *(each.entry for each in found.exempt), *(each.entry for each in found.review)]
    sold = {id(entry): selling(entry.scope, items, about, book) for entry in entries if entry.scope.of_seller}
    masks = tuple(each.tobytes() for each in sold.values())
    key = ("rulings", about.layers, about.measures, tuple(id(each) for each in entries), tuple(id(each.entry) for each in found.classify), masks)
    if key not in items.memo:
        items.memo[key] = book, tuple(_rulings(items, about, found, sold, book))  # the book is kept, so that an id stays its entry's own
    kept = items.memo[key]
    assert isinstance(kept, tuple)
    return found, kept[1]


def _rulings(items: Items, about: Circumstances, found: Applicable, sold: dict[int, Flags], book: RuleBook) -> list[Ruling]:
    facts = Facts(items, "", about.measures)
    labels = Labels.of(book)
    made = []
    for eccn, possible in codes(found.classify, facts).items():
        for strict in (False, True):
            made.append(_ruling(found, Facts(items, eccn, about.measures), possible, strict, sold, about, labels, book))
    return made


def _ruling(
    found: Applicable, facts: Facts, possible: Flags, strict: bool, sold: dict[int, Flags], about: Circumstances, labels: Labels, book: RuleBook
) -> Ruling:
    """One pass: unknown requirements count, and unknown relief does not, where ``strict``."""

    def counts(bound: Bound[E], unknown: bool) -> Flags:
        mine = sold.get(id(bound.entry))
        truth: Truths = holds(bound.entry.when, facts)
        chosen = truth >= (MAYBE if unknown else YES)
        return chosen if mine is None else chosen & mine

    relief = [(each, counts(each, not strict)) for each in found.exempt]
    policies = [(each, counts(each, not strict)) for each in found.review]
    demands = []
    for required in found.require:
        applies = counts(required, strict)
        if applies.any():
            demands.append(_demand(required, applies, relief, policies, labels, book))
    groups = groups_of(about.layers, book)
    answers = [_answer(group, first, demands, len(facts.items), labels, book) for group, first in groups.items()]
    outcome, licence, review = (np.stack(each) for each in zip(*answers, strict=True))
    return Ruling(facts.eccn, strict, possible, tuple(demands), outcome, licence, review)


def _demand(
    bound: Bound[Require],
    applies: Flags,
    relief: Sequence[tuple[Bound[Exempt], Flags]],
    policies: Sequence[tuple[Bound[Review], Flags]],
    labels: Labels,
    book: RuleBook,
) -> Demand:
    def label(name: str) -> tuple[int, int, int]:
        known = book.terms.licence[name]
        return labels.licence.index(name), known.rank, OUTCOMES.index(known.outcome)

    entry = bound.entry
    licence, rank, outcome = label(entry.licence)
    rank = rank if entry.rank is None else entry.rank
    outcome = OUTCOMES.index(entry.outcome) if entry.outcome else outcome
    columns = [np.full(len(applies), each, dtype=np.int8) for each in (licence, rank, outcome, labels.review.index(entry.review))]
    by: list[tuple[Bound[Exempt] | Bound[Review], Flags]] = []
    for one, granted in relief:
        if bound.rule.id in one.entry.of and granted.any():
            for column, value in zip(columns, label(one.entry.licence), strict=False):
                column[granted] = value
            by.append((one, granted))
    for policy, granted in policies:
        if bound.rule.id in policy.entry.of and granted.any():
            columns[-1][granted] = labels.review.index(policy.entry.review)
            by.append((policy, granted))
    return Demand(bound, applies, columns[0], columns[-1], columns[1], columns[2], tuple(by))


def groups_of(layers: Sequence[str], book: RuleBook) -> dict[str, str]:
    """Layer group -> the first of its layers, in the order asked."""
    groups: dict[str, str] = {}
    for layer in layers:
        groups.setdefault(book.terms.layer[layer].group, layer)
    return groups


def _answer(group: str, first: str, demands: Sequence[Demand], count: int, labels: Labels, book: RuleBook) -> tuple[Codes, Codes, Codes]:
    """Outcome, licence and review of a layer group: the label of the highest rank, the strictest outcome and review of all that bite."""
    default = book.terms.layer[first]
    outcome, rank = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
    licence = np.full(count, labels.licence.index(default.licence), dtype=np.int8)
    review = np.full(count, labels.review.index(default.review), dtype=np.int8)
    strictest = np.full(count, -1, dtype=np.int8)
    for each in demands:
        if book.terms.layer[each.bound.rule.layer].group != group:
            continue
        bites = each.applies & (each.rank > 0)
        higher = each.applies & (each.rank > rank)
        licence, rank = np.where(higher, each.licence, licence), np.where(higher, each.rank, rank)
        outcome = np.where(each.applies, np.maximum(outcome, each.outcome), outcome)
        level = labels.strictness[each.review]
        stricter = bites & (level > strictest)
        review, strictest = np.where(stricter, each.review, review), np.where(stricter, level, strictest)
    return np.where(rank > 0, outcome, 0).astype(np.int8), licence.astype(np.int8), review.astype(np.int8)
