"""The rule book in memory: rules, labels, country groups and the party list, read once."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar, cast

from suanli.errors import BadFile, BadInput, nearest
from suanli.facts import Catalogue, read_rows
from suanli.facts.catalogue import DATA
from suanli.facts.reader import first_day, read_toml, validate
from suanli.rules.files import HYPOTHETICAL, CountryRow, Entry, PartyRow, RuleFile, SeatRow, Terms

T = TypeVar("T")

_TABLES = ("country_groups", "entity_list", "seats")


@dataclass(frozen=True)
class Country:
    """A country on a day: ``code`` as asked, ``counts_as`` (Hong Kong counts as China), its groups, and whether the table knows it."""

    code: str
    counts_as: str
    groups: frozenset[str]
    known: bool
    name: str = ""
    name_zh: str = ""


@dataclass(frozen=True)
class RuleBook:
    """Everything the engine reads; ``company_seats`` is the country of a company by its name in lower case."""

    terms: Terms
    rules: dict[str, RuleFile]
    countries: dict[str, tuple[CountryRow, ...]]
    parties: tuple[PartyRow, ...]
    company_seats: dict[str, str]
    memo: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: object, of: Callable[[], T]) -> T:
        """What ``of`` finds, found the first time it is asked for."""
        if key not in self.memo:
            self.memo[key] = of()
        return cast("T", self.memo[key])

    def country(self, text: str, on: datetime.date) -> Country:
        """The country called ``text`` (ISO code, English or Chinese name) with its groups on a day; ``BadInput`` with the nearest names."""
        return self.once(("country", text, on), lambda: self._country(text, on))

    def _country(self, text: str, on: datetime.date) -> Country:
        names = self.once("names", self._names)
        lower = self.once("lower", lambda: {name.lower(): code for name, code in names.items()})
        code = lower.get(text.strip().lower(), text.strip().upper())
        if code not in self.countries:
            if code not in self.terms.iso_3166.split():
                close = nearest(text, names) or nearest(code, self.terms.iso_3166.split()) or ["CN", "US", "MY"]
                raise BadInput("rules.error.country", text=text, nearest=", ".join(close))
            return Country(code, code, frozenset(), False, code, code)
        rows = self.countries[code]
        oldest = rows[0] if first_day(rows[0].since) <= _base(self) else None
        row = next((row for row in reversed(rows) if first_day(row.since) <= on), oldest)
        groups = frozenset(row.groups.split()) if row else frozenset()
        return Country(code, rows[-1].counts_as or code, groups, True, rows[-1].name, rows[-1].name_zh)

    def turning_days(self) -> set[datetime.date]:
        """The days on which a rule, an entry or a country's groups begin to hold or no longer do."""
        spans: list[tuple[str | None, str | None]] = [(rule.from_, rule.until) for rule in self.rules.values()]
        spans += [(entry.from_, entry.until) for rule in self.rules.values() for entry in rule.entries]
        starts = {first_day(start) for start, _ in spans if start} | {first_day(row.since) for rows in self.countries.values() for row in rows}
        return starts | {first_day(end) + datetime.timedelta(days=1) for _, end in spans if end}

    def listing_days(self) -> set[datetime.date]:
        """The days on which parties were listed."""
        return {first_day(row.since) for row in self.parties if row.since}

    @property
    def hypothetical(self) -> tuple[str, ...]:
        """The rules that are written but no law, or not applied."""
        return tuple(name for name, rule in self.rules.items() if rule.binding in HYPOTHETICAL)

    def _names(self) -> dict[str, str]:
        return {name: code for code, rows in self.countries.items() for name in (rows[0].name, rows[0].name_zh)} | self.terms.country_names

    def seats(self, codes: str, on: datetime.date) -> tuple[Country, ...]:
        """The countries a maker sits in ("CN", "US/TW"); the country of the rules where none is known."""
        codes = codes or self.terms.home
        return self.once(("seats", codes, on), lambda: tuple(self.country(code, on) for code in codes.split("/")))

    def in_force(self, rule: RuleFile, entry: Entry | None, on: datetime.date) -> bool:
        """Whether a rule, and an entry of it, holds on a day."""
        spans = [(rule.from_, rule.until)] + ([(entry.from_, entry.until)] if entry else [])
        return all((start is None or first_day(start) <= on) and (end is None or on <= first_day(end)) for start, end in spans)


def _base(book: RuleBook) -> datetime.date:
    """The first day of the country table; earlier days take its groups (only dates before the table know no better)."""
    return min(first_day(rows[0].since) for rows in book.countries.values())


def load_book(catalogue: Catalogue) -> RuleBook:
    """The rule book of a catalogue; a file of an overlay replaces ours of the same name.

    Raises ``BadFile`` on an unknown key, label, layer or rule id.
    """
    paths = catalogue.paths("rules")
    terms_path = paths.pop("terms")[0]
    terms = validate(read_toml(terms_path), Terms, "data/rules/terms.toml")
    rules: dict[str, RuleFile] = {}
    for name, (path, _) in sorted(paths.items()):
        rules[name] = validate(read_toml(path), RuleFile, str(path.relative_to(DATA.parent)) if path.is_relative_to(DATA) else str(path))
    for name, rule in rules.items():
        _check(name, rule, terms, rules)
    tables = {name: catalogue.paths("rules", ".csv")[name][0] for name in _TABLES}
    countries: dict[str, list[CountryRow]] = {}
    for row in sorted(read_rows(tables["country_groups"], CountryRow), key=lambda row: first_day(row.since)):
        countries.setdefault(row.country, []).append(row)
    seats = {name.lower(): row.country for row in read_rows(tables["seats"], SeatRow) for name in (row.company, *filter(None, row.aliases.split("|")))}
    parties = tuple(read_rows(tables["entity_list"], PartyRow))
    return RuleBook(terms, rules, {code: tuple(rows) for code, rows in countries.items()}, parties, seats)


def _check(name: str, rule: RuleFile, terms: Terms, rules: dict[str, RuleFile]) -> None:
    def bad(key: str, value: str, known: Iterable[str]) -> BadFile:
        return BadFile("errors.file_bad_value", file=f"{name}.toml", key=key, detail=f'"{value}" is not one of {", ".join(known)}')

    if rule.id != name:
        raise BadFile("errors.file_id", file=f"{name}.toml", id=rule.id)
    if rule.layer not in terms.layer:
        raise bad("layer", rule.layer, terms.layer)
    for label in [each.licence for each in rule.require] + [each.licence for each in rule.exempt]:
        if label not in terms.licence:
            raise bad("licence", label, terms.licence)
    for policy in [each.review for each in rule.require] + [each.review for each in rule.review]:
        if policy not in terms.review:
            raise bad("review", policy, terms.review)
    for target in [name for each in rule.exempt for name in each.of] + [name for each in rule.review for name in each.of]:
        if target not in rules:
            raise bad("of", target, nearest(target, rules) or sorted(rules))


@cache
def default_book() -> RuleBook:
    """The rule book as shipped."""
    return load_book(Catalogue())
