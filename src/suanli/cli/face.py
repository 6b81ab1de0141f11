"""How a command talks: the language asked for, JSON or text, the catalogue, and drawing on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from suanli.errors import BadInput, nearest
from suanli.words import DEFAULT_LANGUAGE, LANGUAGES

if TYPE_CHECKING:
    from suanli.facts import Catalogue
    from suanli.reporting.document import Report
    from suanli.reporting.tongue import Tongue


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """``--lang``, else SUANLI_LANG, else the first of LC_ALL, LC_MESSAGES and LANG that is set.

    >>> language_of(["plan", "--lang", "zh"], {}), language_of([], {"LANG": "zh_CN.UTF-8"}), language_of([], {"LC_ALL": "C", "LANG": "zh_CN"})
    ('zh', 'zh', 'en')
    """
    said = ""
    for place, each in enumerate(arguments):
        if each == "--lang" and place + 1 < len(arguments):
            said = arguments[place + 1]
        elif each.startswith("--lang="):
            said = each.partition("=")[2]
    if said:
        if said not in LANGUAGES:
            raise BadInput("cli.bad_choice", option="--lang", value=said, nearest=", ".join(nearest(said, LANGUAGES) or LANGUAGES))
        return said
    names = [environment.get(name, "") for name in ("SUANLI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")]
    first = next((each for each in names if each), "")
    return "zh" if first.lower().startswith("zh") else DEFAULT_LANGUAGE


@dataclass(frozen=True)
class Face:
    """One call of the program."""

    language: str
    json: bool = False
    data: tuple[str, ...] = ()

    @property
    def say(self) -> Tongue:
        from suanli.reporting.tongue import Tongue

        return Tongue(self.language)

    def catalogue(self) -> Catalogue:
        """The bundled facts under the user's."""
        from suanli.facts import Catalogue

        return Catalogue(tuple(Path(each) for each in self.data))

    def show(self, report: Report) -> None:
        """Draw a report: as wide as the terminal, 100 columns where there is none."""
        from suanli.reporting.text import lines_of

        styled = sys.stdout.isatty()
        for line, style in lines_of(report, width_of_terminal()):
            sys.stdout.write(_styled(line, style) if styled and style != "plain" else line)
            sys.stdout.write("\n")

    def print(self, text: str) -> None:
        """Print text as it is."""
        sys.stdout.write(text + "\n")


def width_of_terminal() -> int:
    """Columns of the terminal (or of COLUMNS), 100 where the output goes elsewhere."""
    import os
    import shutil

    from suanli.reporting.text import WIDTH

    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    return shutil.get_terminal_size((WIDTH, 0)).columns if sys.stdout.isatty() else WIDTH


def _styled(line: str, style: str) -> str:
    from rich.style import Style

    looks = {"headline": Style(bold=True), "heading": Style(bold=True, underline=True), "header": Style(dim=True)}
    return looks[style].render(line)
