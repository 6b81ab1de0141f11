"""What stands behind a verdict: clauses, notices, margins, branches, missing values, and what is written but no law."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from suanli.facts.reader import first_day
from suanli.rules.book import Country, RuleBook
from suanli.rules.files import PROPOSAL, Condition, Entry, RuleFile
from suanli.rules.item import Item
from suanli.rules.logic import MAYBE, NO, YES, Facts, Items, holds
from suanli.rules.parties import listing
from suanli.rules.question import Circumstances
from suanli.rules.side import Side, joined, outcome_of, sides
from suanli.rules.solve import Applicable, Bound, selling, solve, unnamed
from suanli.rules.verdict import Branch, Clause, Hypothesis, Margin


def clauses(side: Side, item: Item, about: Circumstances, book: RuleBook) -> tuple[Clause, ...]:
    """The requirements of a side and what changed them, each once."""
    found: list[Clause] = []
    for asks in side.asks:
        found.append(_clause(asks.bound.rule, asks.bound.entry, "requires", asks.licence, asks.review, item, about, book))
        for each in asks.by:
            licence, review = getattr(each.entry, "licence", ""), getattr(each.entry, "review", "")
            found.append(_clause(each.rule, each.entry, "excepts" if licence else "reviews", licence, review, item, about, book))
    return tuple({(each.rule, each.key, each.effect): each for each in found}.values())


def _clause(rule: RuleFile, entry: Entry, effect: str, licence: str, review: str, item: Item, about: Circumstances, book: RuleBook) -> Clause:
    citation, url = rule.citation, entry.url or rule.url
    values = _values(item, about)
    listed = entry.scope.listed
    if listed:
        row = listing(getattr(about, listed), about.on, book).row
        if row:
            citation, url = (f"{citation}; {row.citation}", url) if listed == "owner" else (row.citation, row.url)
            values |= {"footnote": row.footnote}
    since = max(first_day(day) for day in (rule.from_, entry.from_) if day).isoformat()
    key = f"rules.clause.{entry.text or rule.id}"
    return Clause(
        rule.id.upper(), rule.layer, effect, licence, review, citation, url, since, rule.confidence, key, values, rule.binding,
        first_day(rule.still_valid_on).isoformat(), entry.clause or rule.authority,
        rule.title.model_dump(),
        rule.also_read,
    )  # fmt: skip


def _values(item: Item, about: Circumstances) -> dict[str, Any]:
    share = "" if math.isnan(about.owner_share) else f"{about.owner_share:g}"
    return {
        "chip": item.name, "destination": _name(about.destination), "headquarters": _name(about.headquarters), "party": about.party,
        "owner": about.owner, "share": share, "date": about.on.isoformat(), "footnote": "", "count": _count(item),
    }  # fmt: skip


def _name(country: Country) -> dict[str, str]:
    return {"en": country.name, "zh": country.name_zh}


def _count(item: Item) -> str:
    return "" if math.isnan(item.count) else f"{item.count:,.0f}"


def notices(found: Applicable, cases: Sequence[Side], items: Items, about: Circumstances, book: RuleBook) -> tuple[Clause, ...]:
    """The rules' own notices that hold in some case, then ours: what was assumed and how old the law is."""
    item, codes = items.each[0], {case.eccn for case in cases}
    said = [
        _clause(each.rule, each.entry, "notice", "", "", item, about, book)
        for each in found.notice
        if each.rule.binding != PROPOSAL
        and selling(each.entry.scope, items, about, book)[0]
        and any(holds(each.entry.when, Facts(items, eccn, about.measures))[0] != NO for eccn in codes)
    ]
    own = [
        Clause("", "", "notice", "", "", "", "", about.on.isoformat(), "", f"rules.note.{name}", _values(item, about) | {"day": day})
        for name, day in _notes(item, about, book)
    ]
    return tuple({(each.rule, each.key): each for each in (*said, *own)}.values())


def _notes(item: Item, about: Circumstances, book: RuleBook) -> Iterable[tuple[str, str]]:
    terms = book.terms
    seats = {each.counts_as for each in book.seats(item.hq_country, about.on)}
    if about.on < first_day(terms.first_day):
        yield "older_controls", terms.first_day
    if about.on > first_day(terms.verified_until):
        yield "verify", terms.verified_until
    if about.on > datetime.date.today():
        yield "ahead", ""
    yield from ((name, "") for name in (*about.assumed, *item.assumed))
    if terms.home not in seats:
        yield ("made_at_home" if about.home else "foreign_maker"), ""
    elif about.home and about.kind == "domestic":
        yield "domestic", ""
    if unnamed(item.vendor):
        yield "vendor_assumed", ""
    if not about.destination.known:
        yield "country_without_row", ""
    if about.party and not listing(about.party, about.on, book).listed and "US-EL" in about.layers:
        yield "party_not_listed", max(row.checked for row in book.parties)


def margins(found: Applicable, items: Items, about: Circumstances, book: RuleBook) -> tuple[Margin, ...]:
    """Every line of a rule in force that the case is in the scope of, with the distance of the item's value to it."""
    bound: tuple[Bound[Any], ...] = (*found.classify, *found.require, *found.exempt, *found.review, *found.notice)
    given = dict(about.measures)
    seen: dict[tuple[str, float, str], Margin] = {}
    for each in bound:
        if not selling(each.entry.scope, items, about, book)[0]:
            continue
        for leaf in _telling(each.entry.when, items):
            if leaf.flag is not None or leaf.metric is None or leaf.value is None or leaf.op is None:
                continue
            exact = given[leaf.metric] if leaf.metric in given else items.metric(leaf.metric)[0]
            value = math.nan if exact is None else float(exact)
            margin = Margin(leaf.metric, leaf.value, leaf.op, value, value / leaf.value, each.rule.id.upper())
            seen.setdefault((leaf.metric, leaf.value, each.rule.id), margin)
    return tuple(seen.values())


def _telling(condition: Condition | None, items: Items) -> Iterable[Condition]:
    """The comparisons and flags that say something of the item: not those beside a flag that settles the matter (lines for bare memory, or for shipments
    of a foundry, on a finished chip).
    """
    if condition is None:
        return
    if condition.metric is not None or condition.flag is not None:
        yield condition
    for parts, settled in ((condition.all_of, NO), (condition.any_of, YES)):
        if not any(each.flag and holds(each, Facts(items))[0] == settled for each in parts or ()):
            for each in parts or ():
                yield from _telling(each, items)


def branches(cases: Sequence[Side]) -> tuple[Branch, ...]:
    """Every possible answer, where there is more than one."""
    found = dict.fromkeys(Branch(*case.key) for case in cases)
    return tuple(found) if len(found) > 1 else ()


def missing(found: Applicable, cases: Sequence[Side], items: Items, about: Circumstances) -> tuple[str, ...]:
    """The unknown values that an undecided entry looks at; none where they change nothing."""
    if len({case.key for case in cases}) == 1:
        return ()
    bound: tuple[Bound[Any], ...] = (*found.classify, *found.require, *found.exempt, *found.review)
    names: list[str] = []
    for each in bound:
        if any(holds(each.entry.when, Facts(items, case.eccn, about.measures))[0] == MAYBE for case in cases):
            names += [leaf.metric or leaf.flag or "" for leaf in _telling(each.entry.when, items) if holds(leaf, Facts(items, "", about.measures))[0] == MAYBE]
    return tuple(dict.fromkeys(names))


def hypotheses(found: Applicable, cases: Sequence[Side], items: Items, about: Circumstances, book: RuleBook) -> tuple[Hypothesis, ...]:
    """What is written but no law, or not applied: what would change the answer, then proposals that speak of the item without lines of law."""
    return (*_changing(cases, items, about, book), *_spoken(found, cases, items, about, book))


def _spoken(found: Applicable, cases: Sequence[Side], items: Items, about: Circumstances, book: RuleBook) -> Iterable[Hypothesis]:
    for each in found.notice:
        truths = [holds(each.entry.when, Facts(items, case.eccn, about.measures))[0] for case in cases]
        if each.rule.binding == PROPOSAL and selling(each.entry.scope, items, about, book)[0] and any(truth != NO for truth in truths):
            yield Hypothesis("", "", "", _clause(each.rule, each.entry, "supposed", "", "", items.each[0], about, book))


def _changing(cases: Sequence[Side], items: Items, about: Circumstances, book: RuleBook) -> Iterable[Hypothesis]:
    for name in book.hypothetical:
        rule = book.rules[name]
        if not rule.require or rule.layer not in about.layers or not book.in_force(rule, None, about.on):
            continue
        supposing = replace(about, supposing=(name,))
        supposed = sides(solve(items, supposing, book)[1], supposing, book)
        if [each.answers for each in supposed] == [each.answers for each in cases]:
            continue
        asks = [each for each in supposed[-1].asks if each.bound.rule is rule]
        entry = asks[0].bound.entry if asks else rule.require[0]
        answer = joined(supposed)[0]
        clause = _clause(rule, entry, "supposed", answer.licence, answer.review, items.each[0], supposing, book)
        yield Hypothesis(outcome_of(supposed), answer.licence, answer.review, clause)
