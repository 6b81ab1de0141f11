"""One answered row a case of an export table."""

from __future__ import annotations

from collections.abc import Mapping

from suanli.errors import SuanliError
from suanli.facts import Tier
from suanli.rules.book import RuleBook
from suanli.rules.cases import question_of
from suanli.rules.engine import check
from suanli.rules.verdict import UNKNOWN, Verdict

#: what is answered of a case, in the labels of the rule book
PREDICTED = ("eccn", "licence", "review")

_TIERS = {"high": Tier.OFFICIAL, "medium": Tier.REPORTED, "low": Tier.ESTIMATED}
#: notes that say that a value was filled in
_FILLED = ("headquarters_assumed", "headquarters_known", "maker_assumed", "vendor_assumed", "no_link", "per_board", "ahead")


def answer_of(row: Mapping[str, str], seats: Mapping[str, str], book: RuleBook) -> dict[str, str]:
    """The answer to a row (columns as in the rule book): labels, ``why_not`` (an error, or the values that would settle an open answer), the
    tier of the least sure clause, the rule that decides, and what was filled in.
    """
    key = "case_id" if "case_id" in row else "id"
    answer = {key: row.get(key, ""), **dict.fromkeys(PREDICTED, ""), "why_not": "", "tier": "", "bound_by": "", "assumed": ""}
    try:
        item, asked = question_of(row, seats, book.terms)
        verdict = check(item, book=book, **asked)
    except SuanliError as error:
        return answer | {"why_not": error.say()}
    open_ = UNKNOWN in {getattr(verdict, name) for name in PREDICTED}
    return answer | {
        **{name: getattr(verdict, name) for name in PREDICTED},
        "why_not": ";".join(f"unknown_{name}" for name in verdict.missing) if open_ else "",
        "tier": tier_of(verdict).name.lower(),
        "bound_by": deciding(verdict),
        "assumed": ";".join(name for name in _FILLED if f"rules.note.{name}" in {each.key for each in verdict.notices}),
    }


def tier_of(verdict: Verdict) -> Tier:
    """How well the least sure clause of a verdict is known."""
    return max((_TIERS[each.confidence] for each in verdict.clauses), default=Tier.OFFICIAL)


def deciding(verdict: Verdict) -> str:
    """The rules whose clause carries the label of the answer, else all that were used."""
    rules = [each.rule for each in verdict.clauses if each.licence == verdict.licence] or [each.rule for each in verdict.clauses]
    return ";".join(dict.fromkeys(rules))
