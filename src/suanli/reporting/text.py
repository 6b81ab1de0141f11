"""A document as lines of text of a given width; a Chinese character is two cells wide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.cells import cell_len

from suanli.reporting.document import Block, Column, Heading, Headline, Line, Report, Table

Style = Literal["headline", "heading", "header", "plain"]

#: the width where the terminal does not say
WIDTH = 100
_GAP = 2
#: a text column is wide enough for words up to this long, while there is room
_WORD = 14
_NARROWEST = 7
#: where a line may break: at spaces, and on both sides of a Chinese character (but not before closing punctuation)
_WIDE = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING = r"[,;:!?)\uff0c\uff1b\uff1a\uff01\uff1f\uff09\u3001\u3002\u201d]*"
_PIECES = re.compile(rf" +|[(\uff08\u201c]*[{_WIDE}]{_CLOSING}|[^ {_WIDE}]+{_CLOSING}")


def lines_of(report: Report, width: int = WIDTH) -> Iterator[tuple[str, Style]]:
    """The lines with the style of each. Tables are never wider than ``width``; a word longer than that (an address) stays whole."""
    previous: Block | None = None
    for block in report.blocks:
        if previous is not None and (isinstance(block, (Heading, Table)) or isinstance(previous, (Headline, Table))) and not isinstance(previous, Heading):
            yield "", "plain"
        previous = block
        if isinstance(block, Table):
            yield from _table(block, width)
        elif isinstance(block, Line):
            yield from ((each, "plain") for each in _marked(block, width))
        else:
            style: Style = "headline" if isinstance(block, Headline) else "heading"
            yield from ((each, style) for each in wrap(block.text, width))


def text_of(report: Report, width: int = WIDTH) -> str:
    """The report as plain text."""
    return "".join(f"{line}\n" for line, _ in lines_of(report, width))


def wrap(text: str, width: int, *, hard: bool = False) -> list[str]:
    """``text`` in lines of at most ``width`` cells; ``hard`` cuts words that are longer.

    >>> wrap("one two three", 7), wrap("算力算力算力", 8)
    (['one two', 'three'], ['算力算力', '算力'])
    """
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if cell_len(line + piece) <= width or not (line.strip() or hard):
            line += piece if line or piece.strip() else ""
            continue
        if piece.strip() == "":
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece
        while hard and cell_len(line) > width:
            cut = next(place for place in range(len(line), 0, -1) if cell_len(line[:place]) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _marked(line: Line, width: int) -> Iterator[str]:
    mark = f"{line.mark} " if line.mark else ""
    for place, each in enumerate(wrap(line.text, max(width - cell_len(mark), 1))):
        yield (mark if place == 0 else " " * cell_len(mark)) + each


def _table(block: Table, width: int) -> Iterator[tuple[str, Style]]:
    gap, widths = _widths(block, width)
    titled = any(column.title for column in block.columns)
    heads = [wrap(column.title, room, hard=True) for column, room in zip(block.columns, widths, strict=True)]
    for row in _rows(heads, block.columns, widths, gap, bottom=True) if titled else ():
        yield row, "header"
    if titled:
        yield "─" * (sum(widths) + gap * (len(widths) - 1)), "plain"
    for cells in block.rows:
        wrapped = [wrap(cell, room, hard=True) for cell, room in zip(cells, widths, strict=True)]
        for row in _rows(wrapped, block.columns, widths, gap):
            yield row, "plain"


def _rows(cells: Sequence[list[str]], columns: Sequence[Column], widths: Sequence[int], gap: int, *, bottom: bool = False) -> Iterator[str]:
    height = max(len(each) for each in cells)
    padded = [[""] * (height - len(each)) + each if bottom else each + [""] * (height - len(each)) for each in cells]
    for row in zip(*padded, strict=True):
        yield ((" " * gap).join(_pad(cell, room, column.kind == "number") for cell, room, column in zip(row, widths, columns, strict=True)).rstrip())


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _widths(block: Table, width: int) -> tuple[int, list[int]]:
    """The gap and the width of each column: ids and numbers as wide as their cells, text shares the rest."""
    bodies = [[row[place] for row in block.rows] for place in range(len(block.columns))]
    need, whole = [], []
    for column, cells in zip(block.columns, bodies, strict=True):
        widest = max((cell_len(cell) for cell in cells), default=0)
        word = max((cell_len(each) for each in column.title.split(" ")), default=0)
        longest = max((cell_len(each) for cell in cells for each in cell.split(" ")), default=0)
        need.append(max(widest, word) if column.kind != "text" else max(word, min(longest, _WORD)))
        whole.append(max(widest, cell_len(column.title) if column.kind == "text" else word))
    for gap in (_GAP, 1):
        room = width - gap * (len(need) - 1) - sum(need)
        if room >= 0:
            break
    widths = list(need)
    while room > 0:
        wanting = [place for place in range(len(widths)) if widths[place] < whole[place]]
        if not wanting:
            break
        place = min(wanting, key=lambda each: widths[each])  # all grow alike until they have enough
        widths[place] += 1
        room -= 1
    while room < 0 and max(widths) > _NARROWEST:  # nothing left to give: text first, then the widest
        texts = [place for place, column in enumerate(block.columns) if column.kind == "text" and widths[place] > _NARROWEST // 2]
        place = max(texts or range(len(widths)), key=lambda each: widths[each])
        widths[place] -= 1
        room += 1
    return gap, widths
