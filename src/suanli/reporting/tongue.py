"""One language to say things in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suanli.facts import Fact, Source, Tier
from suanli.reporting.document import Line
from suanli.words import say as say_in
from suanli.words import sentences


@dataclass(frozen=True)
class Tongue:
    """``say("reporting.sources")`` in ``language``; a name where the language has one of its own."""

    language: str

    def __call__(self, key: str, /, **values: Any) -> str:
        return say_in(key, self.language, **values)

    def known(self, key: str) -> bool:
        """Whether there is such a sentence."""
        file, _, rest = key.partition(".")
        return rest in sentences(self.language, file)

    def named(self, thing: Any) -> str:
        """The name of a chip, model, place ... in this language where it has one."""
        return str((thing.name_zh if self.language == "zh" else "") or thing.name)

    def placed(self, chip: Any, system: Any) -> str:
        """A chip and, where there is one, the system it stands in."""
        return self("reporting.plan.in_system", chip=self.named(chip), system=self.named(system)) if system else self.named(chip)

    def tier(self, tier: int) -> str:
        """A tier in a word."""
        return self(f"tiers.name.{Tier(tier).name.lower()}")


class Sources:
    """The sources of a report, numbered in the order they are first cited."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Source] = {}

    def cite(self, sources: tuple[Source, ...]) -> str:
        """The numbers of ``sources``, as ``1 3``."""
        numbers = []
        for each in sources:
            self._found.setdefault((each.title, each.url), each)
            numbers.append(list(self._found).index((each.title, each.url)) + 1)
        return " ".join(map(str, numbers))

    def lines(self, say: Tongue) -> list[Line]:
        """One line a source: number, title, tier, when it was read, address."""
        lines = []
        for number, each in enumerate(self._found.values(), 1):
            details = [say.tier(each.tier), *([say("reporting.read_on", date=each.read_on)] if each.read_on else [])]
            about = say("reporting.source", title=each.title, details=say("reporting.joiner").join(details))
            lines.append(Line(f"{about} {each.url}".rstrip(), f"[{number}]"))
        return lines


def stated(fact: Fact | None) -> str:
    """A fact's number as its sources state it, without unit; with its range where they disagree."""
    from suanli.reporting.amounts import cell

    if fact is None:
        return ""
    scale = fact.value / fact.stated if fact.stated and fact.value else 1.0
    text = cell(fact.stated, digits=6)
    return text if fact.low == fact.high else f"{text} ({cell(fact.low, scale, 4)}-{cell(fact.high, scale, 4)})"
