"""Write docs/accuracy.md and its chart from the functions behind ``suanli accuracy``: what is written by hand stands in docs/accuracy.template.md.

    python scripts/write_accuracy.py TRUTH_FOLDER [--build build] [--docs docs]

Left-out predictions come from build/left_out_{chip,model,scenario}.csv, which ``make fit`` writes; the shipped calibration is judged on every
serving_*.csv of the folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from suanli.api import accuracy_serving, open_catalogue
from suanli.errors import SuanliError
from suanli.performance.accuracy import Accuracy
from suanli.reporting.accuracy import accuracy_report, reading
from suanli.reporting.charts import accuracy_chart
from suanli.reporting.document import Heading, Headline, Report, Table, report
from suanli.reporting.draw import drawn
from suanli.reporting.tongue import Tongue

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "docs" / "accuracy.template.md"
PLACE = "{{serving}}"
CHART = "accuracy-serving.svg"
FITTED = "serving_silicon.csv"
LEFT_OUT = ("chip", "model", "scenario")
#: a table of engines of 2024, and predictions of it with the factors of its own chip left out
OLD, OLD_LEFT_OUT = "serving_offline_batch.csv", "left_out_offline_batch.csv"
#: the chart: rows drawn at most, and bytes
DRAWN, CHART_BYTES = 800, 480_000
WORST_ROWS, WORST_FAMILIES = 6, 12


def main(arguments: list[str]) -> int:
    """Write the page; 2 with one line where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("truth", type=Path)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args(arguments)
    files = {each: given.build / f"left_out_{each}.csv" for each in LEFT_OUT}
    old = given.build / OLD_LEFT_OUT
    for path in (given.truth / FITTED, given.truth / OLD, *files.values(), old):
        if not path.is_file():
            todo = "run make fit TRUTH=... first, it writes the left-out predictions" if path.parent == given.build else "give the folder of measured tables"
            print(f"write_accuracy: {path}: no such file; {todo}", file=sys.stderr)
            return 2
    try:
        text, chart = page(given.truth, files, old)
    except SuanliError as error:
        print(f"write_accuracy: {error}", file=sys.stderr)
        return error.exit_code
    (given.docs / "accuracy.md").write_text(text, encoding="utf-8")
    (given.docs / CHART).write_bytes(chart)
    print(f"wrote {given.docs / 'accuracy.md'} and {given.docs / CHART} ({len(chart) / 1e3:.0f} kB)")
    return 0


def page(truth: Path, files: dict[str, Path], old: Path) -> tuple[str, bytes]:
    """The page and its chart."""
    catalogue, say = open_catalogue(), Tongue("en")
    unseen = {each: accuracy_serving(catalogue, truth / FITTED, path) for each, path in files.items()}
    tables = [accuracy_serving(catalogue, path) for path in sorted(truth.glob("serving_*.csv"))]
    parts = [
        "<!-- Written by scripts/write_accuracy.py (make accuracy TRUTH=folder) from accuracy.template.md; do not edit. -->",
        "## Serving: chips and models the fit had not seen",
        "`make fit TRUTH=folder` fits again leaving one chip (or one model) out at a time, and predicts what was left out: what to expect on a new one.",
        f"![Predicted against measured, one chip left out at a time]({CHART})",
    ]
    for each, found in unseen.items():
        parts += [f"### {say(f'accuracy.left_out_{each}').capitalize()}", written(found, say)]
    parts += ["### Static batches of 2024, one chip left out at a time", written(accuracy_serving(catalogue, truth / OLD, old), say)]
    parts += [
        "## Serving: the shipped calibration on each table",
        "The constants of this version. Of the tables of papers and of static batches only factors by chip, vendor and engine were fitted.",
    ]
    for found in tables:
        parts += [f"### {found.table}" + (" (in the fit)" if found.in_fit else " (not in the fit)"), written(found, say)]
    parts += [markdown(report(reading(say, left_out=False)))]
    return TEMPLATE.read_text(encoding="utf-8").replace(PLACE, "\n\n".join(parts)), picture(unseen["chip"], say)


def written(found: Accuracy, say: Tongue) -> str:
    """One table judged."""
    return markdown(accuracy_report(found, say, worst=WORST_ROWS, families=WORST_FAMILIES, public=True))


def picture(found: Accuracy, say: Tongue) -> bytes:
    """The chart, with as many rows as its size allows."""
    most = DRAWN
    while len(chart := drawn(accuracy_chart(found, say, most=most), CHART, say.language)) > CHART_BYTES:
        most = most * 9 // 10
    return chart


def markdown(of: Report) -> str:
    """A report in Markdown: the headline bold, headings of the fourth level, tables, lists."""
    return "\n".join(_lines(of)).strip()


def _lines(of: Report) -> Iterator[str]:
    listed = False
    for block in of.blocks:
        item = not isinstance(block, (Headline, Heading, Table)) and block.mark == "-"
        if not (item and listed):
            yield ""
        listed = item
        if isinstance(block, Headline):
            yield f"**{block.text}**"
        elif isinstance(block, Heading):
            yield f"#### {block.text}"
        elif isinstance(block, Table):
            yield _row(column.title for column in block.columns)
            yield _row("---:" if column.kind == "number" else "---" for column in block.columns)
            yield from (_row(row) for row in block.rows)
        else:
            yield f"- {block.text}" if item else block.text


def _row(cells: Iterator[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
