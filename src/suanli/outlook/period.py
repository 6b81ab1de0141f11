"""Periods as tables write them: 2023, 2025-H1, FY2024-Q3, 2025-9M, 2023-02, 2023-02-14."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

_PERIOD = re.compile(r"(FY)?(\d{4})(?:-(?:Q([1-4])|H([12])|(9M)|(\d\d)(?:-(\d\d))?|(\d{4})))?")
_MONTHS = 12
_PARTS = {"quarter": 3, "half": 6, "nine": 9}


@dataclass(frozen=True)
class Period:
    """``year`` it belongs to, where in it it begins and how long it is [months]; ``fiscal``: counted in the company's own years, whose days are
    not known here. ``day`` where it is a single one.
    """

    year: int
    begins: int
    months: int
    fiscal: bool
    day: datetime.date | None = None

    @property
    def whole_year(self) -> bool:
        """Whether it is one year."""
        return self.months == _MONTHS

    @property
    def middle(self) -> float:
        """Its middle in years."""
        return self.year + (self.begins + self.months / 2) / _MONTHS

    @property
    def end(self) -> datetime.date:
        """Its last day, as if a fiscal year were a calendar one."""
        if self.day:
            return self.day
        last = self.begins + self.months
        year, month = self.year + last // _MONTHS, last % _MONTHS + 1
        return datetime.date(year, month, 1) - datetime.timedelta(days=1)


def period_of(text: str) -> Period:
    """A period; ``ValueError`` for text that is none.

    >>> period_of("FY2024-Q3").begins, period_of("2025-9M").months, period_of("2018-2022").months
    (6, 9, 60)
    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a period (2023, 2025-H1, FY2024-Q3, 2025-9M, 2023-02, 2023-02-14)')
    fiscal, year, quarter, half, nine, month, day, last = match.groups()
    start = int(year)
    if quarter:
        return Period(start, (int(quarter) - 1) * _PARTS["quarter"], _PARTS["quarter"], bool(fiscal))
    if half:
        return Period(start, (int(half) - 1) * _PARTS["half"], _PARTS["half"], bool(fiscal))
    if nine:
        return Period(start, 0, _PARTS["nine"], bool(fiscal))
    if month:
        return Period(start, int(month) - 1, 1, bool(fiscal), datetime.date(start, int(month), int(day)) if day else None)
    return Period(start, 0, (int(last) - start + 1) * _MONTHS if last else _MONTHS, bool(fiscal))


def _period(text: str) -> str:
    period_of(text)
    return text


PeriodText = Annotated[str, AfterValidator(_period)]
