"""The message catalogue: every sentence a face can say, in English and Chinese.

``data/words/<language>/<file>.toml`` holds flat ``key = "sentence with {values}"`` tables; the sentence of ``rules.allowed`` is
key ``allowed`` of ``rules.toml``. Both languages have the same keys and the same placeholders (tested).
A value that starts with ``@`` is itself a key and is said in the same language; so is a ``Phrase``, which has values of its own,
and a tuple of such values, which becomes a list. A dict holds a name in each language: ``{"en": "China", "zh": "中国"}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import tomli

LANGUAGES = ("en", "zh")
DEFAULT_LANGUAGE = "en"


#: what stands between the things of a list
SEPARATORS = {"en": ", ", "zh": "、"}


@dataclass(frozen=True)
class Phrase:
    """A sentence inside a sentence: ``key`` and its ``values``, said when the language is known."""

    key: str
    values: dict[str, Any] = field(default_factory=dict, hash=False)


@cache
def sentences(language: str, file: str) -> dict[str, str]:
    """All sentences of one words file, nested tables joined with dots; empty where the file does not exist."""
    path = files("suanli") / "data" / "words" / language / f"{file}.toml"
    return dict(_flat(tomli.loads(path.read_text(encoding="utf-8")))) if path.is_file() else {}


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, str(value))]
    return pairs


def say(key: str, language: str = DEFAULT_LANGUAGE, /, **values: Any) -> str:
    """The sentence of ``key`` in ``language``, filled with ``values``.

    >>> say("kinds.chip", "zh")
    '芯片'
    """
    file, _, rest = key.partition(".")
    return sentences(language, file)[rest].format(**{name: _said(value, language) for name, value in values.items()})


def _said(value: Any, language: str) -> Any:
    if isinstance(value, Phrase):
        return say(value.key, language, **value.values)
    if isinstance(value, dict):
        return value.get(language) or value[DEFAULT_LANGUAGE]
    if isinstance(value, tuple):
        return SEPARATORS[language].join(str(_said(each, language)) for each in value)
    return say(value[1:], language) if isinstance(value, str) and value.startswith("@") else value
