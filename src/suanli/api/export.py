"""May a chip go there?"""

from __future__ import annotations

import datetime
from typing import Any

from suanli.api.finding import find_chip
from suanli.facts import Catalogue
from suanli.hardware import Chip
from suanli.rules import Verdict, check, item_of


def check_export(catalogue: Catalogue, chip: str, to: str, on: datetime.date | None = None, **case: Any) -> tuple[Chip, Verdict]:
    """May ``chip`` go to ``to`` on a day (today): the chip found and the verdict; ``case`` as in ``rules.check``."""
    found = find_chip(catalogue, chip)
    return found, check(item_of(found), to, on or datetime.date.today(), **case)
