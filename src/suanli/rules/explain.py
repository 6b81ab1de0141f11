"""What stands behind a verdict: clauses, notices, margins, branches and missing values."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Any

from suanli.facts.reader import first_day
from suanli.rules.book import RuleBook
from suanli.rules.files import Entry, RuleFile
from suanli.rules.item import metrics
from suanli.rules.logic import Facts, holds, leaves
from suanli.rules.parties import listing
from suanli.rules.question import Question
from suanli.rules.solve import Applicable, Bound, Case, unnamed
from suanli.rules.verdict import Branch, Clause, Margin


def clauses(case: Case, question: Question, book: RuleBook) -> tuple[Clause, ...]:
    """The requirements of a case and what changed them, each once."""
    found: list[Clause] = []
    for demand in case.demands:
        found.append(_clause(demand.rule, demand.entry, "requires", demand.licence, demand.review, question, book))
        for each in demand.by:
            licence, review = getattr(each.entry, "licence", ""), getattr(each.entry, "review", "")
            found.append(_clause(each.rule, each.entry, "excepts" if licence else "reviews", licence, review, question, book))
    return tuple({(each.rule, each.key, each.effect): each for each in found}.values())


def _clause(rule: RuleFile, entry: Entry, effect: str, licence: str, review: str, question: Question, book: RuleBook) -> Clause:
    citation, url = rule.citation, entry.url or rule.url
    listed = entry.scope.listed
    if listed:
        row = listing(getattr(question.about, listed), question.about.on, book).row
        if row:
            citation, url = (f"{citation}; {row.citation}", url) if listed == "owner" else (row.citation, row.url)
    since = max(first_day(day) for day in (rule.from_, entry.from_) if day).isoformat()
    key = f"rules.clause.{entry.text or rule.id}"
    return Clause(rule.id.upper(), rule.layer, effect, licence, review, citation, url, since, rule.confidence, key, _values(question))


def _values(question: Question) -> dict[str, Any]:
    about = question.about
    share = "" if math.isnan(about.owner_share) else f"{about.owner_share:g}"
    return {
        "chip": question.item.name, "destination": about.destination.code, "headquarters": about.headquarters.code,
        "party": about.party, "owner": about.owner, "share": share, "date": about.on.isoformat(),
    }  # fmt: skip


def notices(found: Applicable, cases: Iterable[Case], question: Question, book: RuleBook) -> tuple[Clause, ...]:
    """The rules' own notices that hold in some case, then ours: what was assumed and how old the law is."""
    facts = metrics(question.item, question.about.owner_share)
    codes = {case.eccn for case in cases}
    said = [
        _clause(each.rule, each.entry, "notice", "", "", question, book)
        for each in found.notice
        if any(holds(each.entry.when, Facts(question.item, facts, eccn)) is not False for eccn in codes)
    ]
    own = [
        Clause("", "", "notice", "", "", "", "", question.about.on.isoformat(), "", f"rules.note.{name}", _values(question) | {"day": day})
        for name, day in _notes(question, book)
    ]
    return tuple({(each.rule, each.key): each for each in (*said, *own)}.values())


def _notes(question: Question, book: RuleBook) -> Iterable[tuple[str, str]]:
    about, terms = question.about, book.terms
    seats = {each.counts_as for each in question.makers}
    if about.on < first_day(terms.first_day):
        yield "older_controls", terms.first_day
    if about.on > first_day(terms.verified_until):
        yield "verify", terms.verified_until
    if about.on > datetime.date.today():
        yield "ahead", ""
    yield from ((name, "") for name in (*question.assumed, *question.item.assumed))
    if terms.home not in seats:
        yield ("made_at_home" if about.home else "foreign_maker"), ""
    elif about.home and about.kind == "domestic":
        yield "domestic", ""
    if unnamed(question.item.vendor):
        yield "vendor_assumed", ""
    if not about.destination.known:
        yield "country_without_row", ""
    if about.party and not listing(about.party, about.on, book).listed and "US-EL" in about.layers:
        yield "party_not_listed", max(row.checked for row in book.parties)


def margins(found: Applicable, question: Question) -> tuple[Margin, ...]:
    """Every line of a rule in force that the case is in the scope of, with the distance of the item's value to it."""
    values = metrics(question.item, question.about.owner_share)
    bound: tuple[Bound[Any], ...] = (*found.classify, *found.require, *found.exempt, *found.review, *found.notice)
    seen: dict[tuple[str, float, str], Margin] = {}
    for each in bound:
        for leaf in leaves(each.entry.when):
            if leaf.metric is None or leaf.value is None or leaf.op is None:
                continue
            exact = values[leaf.metric]
            value = math.nan if exact is None else float(exact)
            margin = Margin(leaf.metric, leaf.value, leaf.op, value, value / leaf.value, each.rule.id.upper())
            seen.setdefault((leaf.metric, leaf.value, each.rule.id), margin)
    return tuple(seen.values())


def branches(cases: tuple[Case, ...]) -> tuple[Branch, ...]:
    """Every possible answer, where there is more than one."""
    found = dict.fromkeys(Branch(*case.key) for case in cases)
    return tuple(found) if len(found) > 1 else ()


def missing(found: Applicable, cases: tuple[Case, ...], question: Question) -> tuple[str, ...]:
    """The unknown values that an undecided entry looks at; none where they change nothing."""
    if len({case.key for case in cases}) == 1:
        return ()
    values = metrics(question.item, question.about.owner_share)
    bound: tuple[Bound[Any], ...] = (*found.classify, *found.require, *found.exempt, *found.review)
    names: list[str] = []
    for each in bound:
        if any(holds(each.entry.when, Facts(question.item, values, case.eccn)) is None for case in cases):
            for leaf in leaves(each.entry.when):
                unknown = values[leaf.metric] is None if leaf.metric else getattr(question.item, leaf.flag or "") is None
                names += [leaf.metric or leaf.flag or ""] if unknown else []
    return tuple(dict.fromkeys(names))
