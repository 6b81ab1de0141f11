"""Finding a thing by any of its names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from suanli.errors import UnknownName


class Named(Protocol):
    """Anything with an id, a name, a Chinese name and other names."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def name_zh(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Named)


def fold(name: str) -> str:
    """A name without case, and with spaces and underscores as dashes.

    >>> fold("H100 SXM5_80GB")
    'h100-sxm5-80gb'
    """
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def index(items: Iterable[T]) -> dict[str, T]:
    """Folded id, aliases, name and Chinese name -> item; an id wins over an alias, an alias over a name."""
    found: dict[str, T] = {}
    everything = list(items)
    for names in (lambda each: (each.id,), lambda each: each.aliases, lambda each: (each.name, each.name_zh)):
        for each in everything:
            for name in names(each):
                if name:
                    found.setdefault(fold(name), each)
    return found


def resolve(kind: str, name: str, names: Mapping[str, T]) -> T:
    """The item called ``name``; ``UnknownName`` with the nearest names."""
    found = names.get(fold(name))
    if found is None:
        raise UnknownName(kind, name, names)
    return found
