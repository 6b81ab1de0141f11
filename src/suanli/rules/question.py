"""A question put in the rule book's terms: countries, kind of transaction, where it starts."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from suanli.errors import BadInput, nearest
from suanli.facts.reader import first_day
from suanli.rules.book import Country, RuleBook
from suanli.rules.item import exact


@dataclass(frozen=True)
class Asked:
    """A question about any item: where to, when, for whom.

    ``destination`` and ``buyer_hq`` are ISO codes, English or Chinese names; ``buyer_hq`` is the seat of the buyer's ultimate parent
    (blank: that of ``party`` where ``seats.csv`` knows it, else the destination); ``party`` the buyer, ``owner`` and ``owner_share``
    [percent] who owns it; ``transaction`` in words (export, reexport from SG, in-country transfer, import, use, technical analysis,
    domestic; blank: domestic where the maker sits in the destination, else export). ``layers`` of ``terms.toml`` (none: all). A future
    day is refused unless ``ahead``. ``supposing`` names rules that are no law (proposals, rules not enforced) to apply as if they were.
    """

    destination: str
    on: datetime.date | str
    buyer_hq: str = ""
    party: str = ""
    owner: str = ""
    owner_share: float = math.nan
    transaction: str = ""
    layers: tuple[str, ...] = ()
    ahead: bool = False
    supposing: tuple[str, ...] = ()


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
    supposing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[tuple[str, Fraction | None], ...]:
        """The metrics that are not the item's."""
        return (("owner_share", exact(self.owner_share)),)


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


def layers_of(layers: Sequence[str], book: RuleBook) -> tuple[str, ...]:
    """The layers asked for (all where none is named); party rules include the item rules."""
    if not layers:
        return tuple(book.terms.layer)
    for each in layers:
        if each not in book.terms.layer:
            raise BadInput("rules.error.layer", text=each, nearest=", ".join(nearest(each, book.terms.layer) or book.terms.layer))
    return tuple(dict.fromkeys(("US", *layers) if "US-EL" in layers else layers))


def circumstances(asked: Asked, seat: str, book: RuleBook) -> Circumstances:
    """The question as the rules see it for an item whose maker sits in ``seat`` ("CN", "US/TW", blank: unknown).

    No ``transaction`` means: bought at home where the maker sits in the destination, else an export. An export that does not start
    in the United States is a reexport; one that ends there is an import. Raises ``BadInput`` on a day, country, transaction, layer or
    rule that it does not know.
    """
    day = day_of(asked.on, ahead=asked.ahead)
    destination = book.country(asked.destination, day)
    known = book.company_seats.get(asked.party.lower(), "") if asked.party else ""
    headquarters = book.country(asked.buyer_hq or known or asked.destination, day)
    makers, ours = book.seats(seat, day), book.terms.home
    home = destination.counts_as in {each.counts_as for each in makers}
    kind, origin = kind_of(asked.transaction, book) if asked.transaction else ("domestic" if home else "export", "")
    if not origin:
        codes = [each.counts_as for each in makers]
        origin = ours if ours in codes else codes[0]
    if destination.code == ours and kind in ("export", "reexport", "transfer", "transit"):
        kind = "import"
    elif kind == "export" and origin != ours:
        kind = "reexport"
    for each in asked.supposing:
        if each not in book.rules:
            raise BadInput("rules.error.rule", text=each, nearest=", ".join(nearest(each, book.hypothetical) or book.hypothetical))
    seated = () if asked.buyer_hq else ("headquarters_known",) if known else ("headquarters_assumed",)
    assumed = (*seated, *(() if seat else ("maker_assumed",)))
    return Circumstances(
        destination, headquarters, day, layers_of(asked.layers, book), kind, origin, home, asked.party, asked.owner, asked.owner_share,
        tuple(asked.supposing), assumed,
    )  # fmt: skip
