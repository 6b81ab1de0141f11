"""Every error a user can cause, drawn once.

SuanliError                    the user's input cannot be answered as given; exit code 2
├── BadInput                   an argument, option or file value is wrong
│   ├── UnknownName            no such chip, model, system, place, precision ...; carries the nearest names
│   ├── UnknownUnit            a quantity whose unit is unknown or of the wrong dimension
│   └── BadFile                a data or configuration file that cannot be read or breaks its schema
├── Conflict                   two options that cannot both hold
└── NoAnswer                   well asked, but nothing feasible; exit code 3, with reasons

An error is a message key and its values, so that a face can say it in any language: ``str(error)`` is English,
``error.say("zh")`` Chinese. Sentences live in ``data/words/<language>/errors.toml`` and the files of each room.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from suanli.words import DEFAULT_LANGUAGE, say


class SuanliError(Exception):
    """An error of the user's input: ``key`` names the sentence, ``values`` fill it."""

    exit_code = 2

    def __init__(self, key: str, /, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def say(self, language: str = DEFAULT_LANGUAGE, /) -> str:
        """The one-line message in ``language`` (``en`` or ``zh``)."""
        return say(self.key, language, **self.values)

    def __str__(self) -> str:
        return self.say()


class BadInput(SuanliError):
    """An argument or value that is wrong in itself."""


class UnknownName(BadInput):
    """A name that is not in the catalogue; offers the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, command: str = "") -> None:
        self.nearest = nearest(name, [each for each in known if each.isascii() or not name.isascii()])
        key = "errors.unknown_name" if self.nearest else "errors.unknown_name_no_nearest"
        super().__init__(key, kind="@kinds." + kind, name=name, nearest=", ".join(self.nearest), command=command or f"suanli {kind}s list")


class UnknownUnit(BadInput):
    """A unit that does not exist, or is of another dimension than asked."""


class BadFile(BadInput):
    """A file that cannot be read, or whose content breaks its schema: ``file``, ``key``, what is wrong, what to do."""


class Conflict(SuanliError):
    """Two options that exclude each other."""


class NoAnswer(SuanliError):
    """A proper question without a feasible answer."""

    exit_code = 3


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to ``count`` names of ``known`` that look like ``name``, best first; case does not matter.

    >>> nearest("nvidia-h10-sxm", ["nvidia-h100-sxm5-80gb", "amd-mi300x"])
    ['nvidia-h100-sxm5-80gb']
    """
    by_lower = {each.lower(): each for each in known}
    low = name.lower()
    close = get_close_matches(low, by_lower, n=count, cutoff=0.5)
    inside = [each for each in by_lower if low and (low in each) and each not in close]
    return [by_lower[each] for each in [*close[:1], *inside, *close[1:]][:count]]
