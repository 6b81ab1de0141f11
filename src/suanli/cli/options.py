"""The options that several commands share, and reading their text."""

from __future__ import annotations

import datetime
import math
from typing import Annotated

import typer

from suanli.errors import BadInput, nearest

# help texts are sentence keys; the application says them in the language of the call
Json = Annotated[bool, typer.Option("--json", help="cli.option.json")]
Lang = Annotated[str, typer.Option("--lang", help="cli.option.lang", metavar="en|zh")]
Data = Annotated[list[str] | None, typer.Option("--data", help="cli.option.data", metavar="DIR")]
On = Annotated[str, typer.Option("--on", help="cli.option.on", metavar="DATE")]
Precision = Annotated[str, typer.Option("--precision", help="cli.option.precision", metavar="fp8,int8")]
Tp = Annotated[int, typer.Option("--tp", help="cli.option.tp", metavar="N")]
Pp = Annotated[int, typer.Option("--pp", help="cli.option.pp", metavar="N")]
Dp = Annotated[int, typer.Option("--dp", help="cli.option.dp", metavar="N")]
Ep = Annotated[int, typer.Option("--ep", help="cli.option.ep", metavar="N")]
Ideal = Annotated[bool, typer.Option("--ideal", help="cli.option.ideal")]

#: what stands for "not said" where an option is a whole number
UNSAID = -(2**31)


def layout_of(**said: int) -> dict[str, int]:
    """The parts of a layout that were said."""
    return {name: value for name, value in said.items() if value != UNSAID}


def quantity(text: str, dimension: str, option: str) -> float | None:
    """The value of an option in SI; ``None`` where it was not given."""
    from suanli.units import parse

    if not text:
        return None
    value = parse(text, dimension, where=option)
    if math.isfinite(value):
        return value
    raise BadInput("planning.not_positive", option=option, value=text)


def date(text: str, option: str = "--on") -> datetime.date | None:
    """A date of an option; ``None`` where it was not given."""
    from suanli.facts.reader import first_day

    if not text:
        return None
    try:
        return first_day(text.strip())
    except (ValueError, IndexError):
        raise BadInput("cli.bad_date", option=option, value=text) from None


def choice(text: str, option: str, known: tuple[str, ...]) -> str:
    """One of ``known``; ``BadInput`` with the nearest otherwise."""
    if text not in known:
        raise BadInput("cli.bad_choice", option=option, value=text, nearest=", ".join(nearest(text, known) or known))
    return text


def names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(each.strip() for each in text.split(",") if each.strip())
