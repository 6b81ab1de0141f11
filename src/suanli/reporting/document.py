"""What a report is made of, whatever the face: headlines, headings, lines, lists and tables of text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "number", "text"]


@dataclass(frozen=True)
class Headline:
    """The answer in one sentence."""

    text: str


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Line:
    """A sentence; ``mark`` stands before it ("1.", "[2]", "-"), the rest of a long sentence is set under its first word."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """``id``: never cut or wrapped, left; ``number``: never wrapped, right; ``text``: wrapped where there is no room."""

    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of text under columns; blank = unknown."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Headline | Heading | Line | Table


@dataclass(frozen=True)
class Report:
    """Blocks in order."""

    blocks: tuple[Block, ...]

    def __add__(self, other: Report) -> Report:
        return Report(self.blocks + other.blocks)


def report(*parts: Block | Report | Iterable[Block] | None) -> Report:
    """A report of blocks, of other reports and of lists of blocks; ``None`` is left out.

    >>> len(report(Headline("a"), [Line("b"), Line("c")], None).blocks)
    3
    """
    blocks: list[Block] = []
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Report):
            blocks += part.blocks
        elif isinstance(part, (Headline, Heading, Line, Table)):
            blocks.append(part)
        else:
            blocks += part
    return Report(tuple(blocks))


def table(columns: Iterable[tuple[str, Kind]], rows: Iterable[Iterable[str]]) -> Table:
    """A table without the columns that are blank in every row."""
    made = tuple(Column(*each) for each in columns)
    body = tuple(tuple(row) for row in rows)
    kept = [place for place in range(len(made)) if place == 0 or any(row[place] for row in body)]
    return Table(tuple(made[place] for place in kept), tuple(tuple(row[place] for place in kept) for row in body))
