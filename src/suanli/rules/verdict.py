"""What the engine answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from suanli.rules.book import Country
from suanli.words import DEFAULT_LANGUAGE, say

#: from mild to strict; the code of ``Screen.outcome`` is the position
OUTCOMES = ("allowed", "unknown", "licence", "prohibited")
#: what stands where an unknown value decides
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Clause:
    """One thing a rule says about the case. ``effect``: requires, excepts, reviews, notice or supposed; ``date`` is the day it began.

    ``key`` and ``values`` are the sentence; ``licence`` and ``review`` what the clause asks for, after exceptions and review policies;
    ``title`` the rule's name in each language, ``clause`` the section of the law, ``still_valid_on`` the day on which somebody last checked that it stands.
    """

    rule: str
    layer: str
    effect: str
    licence: str
    review: str
    citation: str
    url: str
    date: str
    confidence: str
    key: str
    values: dict[str, Any] = field(default_factory=dict, hash=False)
    binding: str = ""
    still_valid_on: str = ""
    clause: str = ""
    title: dict[str, str] = field(default_factory=dict, hash=False)
    also_read: tuple[str, ...] = ()

    def say(self, language: str = DEFAULT_LANGUAGE) -> str:
        """The sentence in a language."""
        return say(self.key, language, **self.values)


@dataclass(frozen=True)
class Margin:
    """How far a value is from a line of a rule: ``ratio`` = value / threshold, NaN where the value is unknown."""

    metric: str
    threshold: float
    operator: str
    value: float
    ratio: float
    rule: str


@dataclass(frozen=True)
class Branch:
    """What would hold if the unknown values fell on one side."""

    eccn: str
    outcome: str
    licence: str
    review: str


@dataclass(frozen=True)
class Hypothesis:
    """The answer if ``clause``, which is no law or not applied, were; blank where the proposal has no line that could be applied."""

    outcome: str
    licence: str
    review: str
    clause: Clause


@dataclass(frozen=True)
class LayerAnswer:
    """The answer of one layer group (US item and party rules together, CN, MY ...)."""

    layer: str
    outcome: str
    licence: str
    review: str


@dataclass(frozen=True)
class Verdict:
    """The answer: never legal or illegal, but a licence status with its rules.

    ``outcome`` (allowed, licence, prohibited, unknown) is the strictest of all layers asked; ``eccn``, ``licence`` and ``review`` are
    those of the first layer asked (the US ones where asked), in the rule book's vocabulary, or ``unknown`` where an unknown value
    decides: then ``branches`` has every possible answer and ``missing`` the values that would settle it. ``assembly`` is the entry of
    computers and boards that hold the item; ``free``: no layer asks for anything in any branch; ``hypotheses``: what is written but no law.
    """

    outcome: str
    eccn: str
    assembly: str
    licence: str
    review: str
    as_of: str
    destination: Country
    headquarters: Country
    free: bool
    clauses: tuple[Clause, ...]
    notices: tuple[Clause, ...]
    margins: tuple[Margin, ...]
    branches: tuple[Branch, ...]
    missing: tuple[str, ...]
    layers: tuple[LayerAnswer, ...]
    hypotheses: tuple[Hypothesis, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that was looked at and could matter here, in order of use."""
        cited = [each.rule for each in (*self.clauses, *self.notices)] + [each.rule for each in self.margins]
        return tuple(dict.fromkeys(filter(None, cited)))

    def headline(self, language: str = DEFAULT_LANGUAGE) -> str:
        """One line: outcome, label and review policy."""
        key = "rules.headline" if self.review in ("n/a", "not_applicable") else "rules.headline_review"
        if self.outcome == "allowed" and self.licence not in ("NOT_REQUIRED", "NO_TARIFF_BAND", "n/a"):
            key = "rules.headline_but"
        values = {name: f"@rules.{name}.{getattr(self, name)}" for name in ("outcome", "licence", "review")}
        return say(key, language, eccn=self._eccn(language), **values)

    def _eccn(self, language: str) -> str:
        return say(f"rules.eccn.{self.eccn}", language) if self.eccn in ("none", "unknown", "n/a", "presumption rebutted") else self.eccn


@dataclass(frozen=True)
class Screen:
    """The answers for many items, arrays of length N: ``outcome`` holds positions in ``OUTCOMES``, ``eccn``, ``licence`` and ``review`` the
    labels; ``free``: no layer asks for anything, whatever the unknown values are.
    """

    outcome: npt.NDArray[np.int8]
    eccn: npt.NDArray[np.str_]
    licence: npt.NDArray[np.str_]
    review: npt.NDArray[np.str_]
    free: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sweep:
    """The answers for many destinations, days and items, (destinations, days, N): ``outcome`` holds positions in ``OUTCOMES``, the others
    positions in their labels.
    """

    outcome: npt.NDArray[np.int8]
    eccn: npt.NDArray[np.int8]
    licence: npt.NDArray[np.int8]
    review: npt.NDArray[np.int8]
    free: npt.NDArray[np.bool_]
    eccns: tuple[str, ...]
    licences: tuple[str, ...]
    reviews: tuple[str, ...]
