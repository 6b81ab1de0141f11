"""How many export verdicts a second one core gives in a sweep, against the same verdicts asked one at a time in the same run.

    python scripts/bench_export.py

Every chip of the catalogue x 60 destinations x every day of five years (days between two changes of the law share one answer).
"""

from __future__ import annotations

import datetime
import time

import numpy as np

from suanli.api import load_chips, open_catalogue
from suanli.rules import OUTCOMES, Items, check, default_book, item_of, sweep

DESTINATIONS, YEARS = 60, 5
ALONE = 300  # verdicts of the reference


def main() -> None:
    """Print the sweep's time and rate, the reference's, the ratio; stop where the two do not agree."""
    catalogue, book = open_catalogue(), default_book()
    chips = [item_of(chip) for chip in load_chips(catalogue).values()]
    places = list(book.countries)[:DESTINATIONS]
    last = datetime.date.fromisoformat(book.terms.verified_until)
    days = [last - datetime.timedelta(days=each) for each in range(YEARS * 365 + 1)][::-1]
    started = time.process_time()
    found = sweep(Items(tuple(chips)), places, days, book=book)
    seconds = time.process_time() - started
    random = np.random.default_rng(0)
    some = [tuple(int(random.integers(size)) for size in found.outcome.shape) for _ in range(ALONE)]
    started = time.process_time()
    one_by_one = [check(chips[item], places[place], days[day], book=book) for place, day, item in some]
    alone = (time.process_time() - started) / ALONE
    for where, verdict in zip(some, one_by_one, strict=True):
        assert (OUTCOMES[found.outcome[where]], found.licences[found.licence[where]]) == (verdict.outcome, verdict.licence), where
    rate = found.outcome.size / seconds
    print(f"{len(chips)} chips x {len(places)} destinations x {len(days):,} days = {found.outcome.size:,} verdicts in {seconds:.1f} s: {rate:,.0f} a second")
    print(f"one at a time, explained: {1 / alone:,.0f} a second; ratio {alone * rate:,.0f}")


if __name__ == "__main__":
    main()
