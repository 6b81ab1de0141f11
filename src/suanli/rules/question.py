"""A question put in the rule book's terms: countries, kind of transaction, where it starts."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from suanli.errors import BadInput, nearest
from suanli.facts.reader import first_day
from suanli.rules.book import Country, RuleBook
from suanli.rules.item import Item


@dataclass(frozen=True)
class Circumstances:
    """All of a question but the item; ``kind`` of transaction and ``origin`` as the US rules see them."""

    destination: Country
    headquarters: Country
    on: datetime.date
    layers: tuple[str, ...]
    kind: str
    origin: str
    home: bool
    party: str = ""
    owner: str = ""
    owner_share: float = math.nan


@dataclass(frozen=True)
class Question:
    item: Item
    makers: tuple[Country, ...]
    about: Circumstances
    assumed: tuple[str, ...] = ()


def day_of(on: datetime.date | str, *, ahead: bool) -> datetime.date:
    """The day asked about; ``BadInput`` for text that is no date, and for a future day unless ``ahead``."""
    try:
        day = on if isinstance(on, datetime.date) else first_day(on)
    except (ValueError, IndexError):
        raise BadInput("rules.error.date", text=on) from None
    today = datetime.date.today()
    if day > today and not ahead:
        raise BadInput("rules.error.future", date=day.isoformat(), today=today.isoformat())
    return day


def kind_of(text: str, book: RuleBook) -> tuple[str, str]:
    """The kind of a transaction described in words, and the country it starts from ("export from MY" -> export, MY)."""
    start = re.search(r"\bfrom ([A-Z]{2})\b", text)
    low = text.lower()
    kind = next((each.kind for each in book.terms.transaction for word in each.words if word in low), None)
    if kind is None:
        known = sorted({each.kind for each in book.terms.transaction})
        raise BadInput("rules.error.transaction", text=text, nearest=", ".join(nearest(text, known) or known))
    return kind, start[1] if start else ""


def layers_of(layers: Sequence[str] | None, book: RuleBook) -> tuple[str, ...]:
    """The layers asked for (all where ``None``); party rules include the item rules."""
    if layers is None:
        return tuple(book.terms.layer)
    for each in layers:
        if each not in book.terms.layer:
            raise BadInput("rules.error.layer", text=each, nearest=", ".join(nearest(each, book.terms.layer) or book.terms.layer))
    return tuple(dict.fromkeys(("US", *layers) if "US-EL" in layers else layers))


def put(
    item: Item, destination: Country, headquarters: Country | None, on: datetime.date, layers: tuple[str, ...], transaction: str | None,
    party: str, owner: str, owner_share: float, book: RuleBook,
) -> Question:  # fmt: skip
    """The question as the rules see it.

    No ``transaction`` means: bought at home where the maker sits in the destination, else an export. An export that does not start
    in the United States is a reexport; one that ends there is an import.
    """
    home_of_rules = book.terms.home
    makers = tuple(book.country(code, on) for code in filter(None, item.hq_country.split("/"))) or (book.country(home_of_rules, on),)
    home = destination.counts_as in {each.counts_as for each in makers}
    kind, origin = kind_of(transaction, book) if transaction else ("domestic" if home else "export", "")
    if not origin:
        codes = [each.counts_as for each in makers]
        origin = home_of_rules if home_of_rules in codes else codes[0]
    if destination.code == home_of_rules and kind in ("export", "reexport", "transfer", "transit"):
        kind = "import"
    elif kind == "export" and origin != home_of_rules:
        kind = "reexport"
    assumed = (("headquarters_assumed",) if headquarters is None else ()) + (() if item.hq_country else ("maker_assumed",))
    about = Circumstances(destination, headquarters or destination, on, layers, kind, origin, home, party, owner, owner_share)
    return Question(item, makers, about, assumed)
