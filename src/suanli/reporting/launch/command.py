"""A command as groups of flags: what is absent is not said, and a line holds flags of one group."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from suanli.reporting.launch.job import Job
from suanli.reporting.launch.shape import Shape
from suanli.words import Phrase

WIDTH = 120


@dataclass(frozen=True)
class Launch:
    """What to type: ``command`` in a shell of each node, ``notes`` for what the target cannot say or the user must fill in."""

    target: str
    command: str
    notes: tuple[Phrase, ...]


@dataclass(frozen=True)
class Target:
    """A training framework: ``chips`` it runs on (beginnings of ids), ``expresses`` the features of a ``Shape`` and ``schemes`` it has flags for.

    ``write`` gives the command and its own notes; ``experts_need_sequence_parallel`` where a mixture with tensor parallelism does not run without.
    """

    name: str
    chips: tuple[str, ...]
    expresses: frozenset[str]
    schemes: tuple[str, ...]
    write: Callable[[Shape, Job], tuple[str, list[Phrase]]]
    experts_need_sequence_parallel: bool = True


def said(table: Mapping[str, str], *things: object) -> list[str]:
    """``--flag value`` of each flag whose attribute of one of ``things`` is there; a true attribute is a flag alone.

    >>> said({"--layers": "real", "--same": "imag"}, 3)
    ['--layers 3']
    """
    found = _found(table, things)
    return [flag if value is True else f"{flag} {quoted(value)}" for flag, value in found]


def set_to(table: Mapping[str, str], *things: object) -> list[str]:
    """The same as ``key=value``.

    >>> set_to({"layers": "real", "same": "imag"}, 3)
    ['layers=3']
    """
    return [f"{key}={'true' if value is True else quoted(value)}" for key, value in _found(table, things)]


def _found(table: Mapping[str, str], things: tuple[object, ...]) -> list[tuple[str, object]]:
    values = [(flag, next((getattr(each, name) for each in things if hasattr(each, name)), None)) for flag, name in table.items()]
    return [(flag, value) for flag, value in values if value]


def quoted(value: object) -> str:
    """A value a shell passes on as it is; a variable stays a variable."""
    text = str(value)
    return f'"{text}"' if text.startswith("$") else shlex.quote(text)


def typed(head: str, groups: Iterable[Iterable[str]], indent: str = "    ") -> str:
    """One command, continued over lines; a new group begins a new line."""
    lines = [head]
    for group in groups:
        line = ""
        for each in group:
            if line and len(indent) + len(line) + len(each) > WIDTH:
                lines.append(indent + line.strip())
                line = ""
            line += f" {each}"
        if line:
            lines.append(indent + line.strip())
    return " \\\n".join(lines)


def pattern(ones: int, zeros: int) -> str:
    """Layers of two kinds, spread evenly where that works out, as the list expression Megatron reads.

    >>> pattern(36, 12), pattern(2, 3)
    ('([1]*3+[0]*1)*12', '([1]*2+[0]*3)')
    """
    if zeros and ones % zeros == 0:
        return f"([1]*{ones // zeros}+[0]*1)*{zeros}"
    return f"([1]*{ones}+[0]*{zeros})"


def spread(ones: int, zeros: int) -> list[int]:
    """The same written out.

    >>> spread(4, 2), spread(2, 3)
    ([1, 1, 0, 1, 1, 0], [1, 1, 0, 0, 0])
    """
    if zeros and ones % zeros == 0:
        return [*[1] * (ones // zeros), 0] * zeros
    return [1] * ones + [0] * zeros
