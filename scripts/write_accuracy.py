"""Write docs/accuracy.md and its charts from the functions behind ``suanli accuracy``: what is written by hand stands in docs/accuracy.template.md.

    python scripts/write_accuracy.py TRUTH_FOLDER [--build build] [--docs docs]

Left-out predictions come from build/left_out_{chip,model,scenario}.csv, which ``make fit`` writes; the shipped calibration is judged on every
serving_*.csv of the folder. Training: build/left_out_training_{group,chip,model}.csv (those that are there) judged on training.csv and
mlperf_training.csv, and tests/cases/training_published.csv predicted now. Export: export_cases.csv, answered now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from suanli.api import accuracy_export, accuracy_serving, accuracy_training, open_catalogue, read_rows
from suanli.errors import SuanliError
from suanli.facts import Catalogue
from suanli.performance.accuracy.marks import marked
from suanli.performance.accuracy.serving import Accuracy
from suanli.performance.accuracy.training import TrainingAccuracy
from suanli.reporting.accuracy import accuracy_report, reading, signed_percent
from suanli.reporting.accuracy_export import export_accuracy_report
from suanli.reporting.accuracy_training import marks_blocks, training_reading, training_report
from suanli.reporting.amounts import cell
from suanli.reporting.charts import accuracy_chart, training_chart
from suanli.reporting.document import Heading, Headline, Report, Table, report, table
from suanli.reporting.draw import drawn
from suanli.reporting.export_charts import accuracy_chart as export_chart
from suanli.reporting.tongue import Tongue

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "docs" / "accuracy.template.md"
PLACE = "{{serving}}"
CHART = "accuracy-serving.svg"
FITTED = "serving_silicon.csv"
LEFT_OUT = ("chip", "model", "scenario")
#: a table of engines of 2024, and predictions of it with the factors of its own chip left out
OLD, OLD_LEFT_OUT = "serving_offline_batch.csv", "left_out_offline_batch.csv"
#: the part on training: its place, its chart, its tables, what is left out, and runs that others published
TRAINING_PLACE, TRAINING_CHART = "{{training}}", "accuracy-training.svg"
TRAINING, MLPERF = "training.csv", "mlperf_training.csv"
TRAINING_LEFT_OUT = ("group", "chip", "model")
PUBLISHED = ROOT / "tests" / "cases" / "training_published.csv"
#: the part on export rules: its place, its chart, its table
EXPORT_PLACE, EXPORT_CHART, EXPORT = "{{export}}", "accuracy-export.svg", "export_cases.csv"
#: the charts: rows drawn at most, and bytes
DRAWN, CHART_BYTES = 800, 480_000
WORST_ROWS, WORST_FAMILIES, WORST_GROUPS = 6, 12, 20


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
        trained = {each: given.build / f"left_out_training_{each}.csv" for each in TRAINING_LEFT_OUT}
        said, training = training_part(given.truth, {each: path for each, path in trained.items() if path.is_file()}, PUBLISHED)
    except SuanliError as error:
        print(f"write_accuracy: {error}", file=sys.stderr)
        return error.exit_code
    cases, squares = export_part(given.truth / EXPORT)
    text = text.replace(EXPORT_PLACE, cases or f"`suanli accuracy export --truth {EXPORT}`")
    (given.docs / "accuracy.md").write_text(text.replace(TRAINING_PLACE, said) if said else text.replace(f"{TRAINING_PLACE}\n\n", ""), encoding="utf-8")
    print(f"wrote {given.docs / 'accuracy.md'}")
    for name, picture in ((CHART, chart), (TRAINING_CHART, training), (EXPORT_CHART, squares)):
        if picture:
            (given.docs / name).write_bytes(picture)
            print(f"wrote {given.docs / name} ({len(picture) / 1e3:.0f} kB)")
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
    return TEMPLATE.read_text(encoding="utf-8").replace(PLACE, "\n\n".join(parts)), picture(accuracy_chart, unseen["chip"], say)


def training_part(truth: Path, files: dict[str, Path], published: Path) -> tuple[str, bytes]:
    """The part on training and its chart; what has no file is left out."""
    catalogue, say = open_catalogue(), Tongue("en")
    files = files if (truth / TRAINING).is_file() else {}
    found = {each: accuracy_training(catalogue, truth / TRAINING, path) for each, path in files.items()}
    mlperf = {
        each: accuracy_training(catalogue, truth / MLPERF, path)
        for each, path in files.items()
        if (truth / MLPERF).is_file() and _of_rows(path, truth / MLPERF)
    }
    parts, chart = [], b""
    if found:
        marks = {each: [*marked(a.scores, each), *(marked(mlperf[each].scores, each) if each in mlperf else [])] for each, a in found.items()}
        way = next(iter(found))
        chart = picture(training_chart, found[way], say)
        parts += [
            "## Training: groups, chips and models the fit had not seen",
            markdown(report(marks_blocks(marks, say))),
            f"![Training: predicted against measured, {say(f'accuracy.left_out_{way}')}]({TRAINING_CHART})",
        ]
    for each, a in found.items():
        parts += [f"### Training: {say(f'accuracy.left_out_{each}')}", written_training(a, say, each)]
    if mlperf:
        way = next(iter(mlperf))
        parts += [f"### MLPerf Training: {say(f'accuracy.left_out_{way}')}", written_training(mlperf[way], say, way)]
    if published.is_file():
        parts += ["## Training: predicted against published", markdown(report(published_runs(catalogue, published, say)))]
    return "\n\n".join([*parts, markdown(report(training_reading(say, left_out=False)))] if parts else []), chart


def export_part(table: Path) -> tuple[str, bytes]:
    """The part on export rules and its chart; blank where the table is not there."""
    if not table.is_file():
        return "", b""
    catalogue, say = open_catalogue(), Tongue("en")
    found = accuracy_export(catalogue, table)
    parts = [
        f"`suanli accuracy export --truth {EXPORT}`, answered with the rule book of this version:",
        markdown(export_accuracy_report(found, say, public=True)),
        f"![Licence labels: stated against answered]({EXPORT_CHART})",
    ]
    return "\n\n".join(parts), drawn(export_chart(found, say), EXPORT_CHART, say.language)


def _of_rows(answers: Path, table: Path) -> bool:
    """Whether the predictions are of rows of the table too."""
    given, measured = ({each.get("id") or each.get("case_id") for each in read_rows(path)} for path in (answers, table))
    return bool(given & measured)


def written_training(found: TrainingAccuracy, say: Tongue, way: str) -> str:
    """One table of training judged; the marks stand above all of them."""
    return markdown(training_report(found, say, worst=WORST_ROWS, groups=WORST_GROUPS, public=True, way=way, marks=False))


def published_runs(catalogue: Catalogue, path: Path, say: Tongue) -> Table:
    """Runs that others published (columns of the truth tables), predicted now: one line a figure with its interval, error and source."""
    pairs = accuracy_training(catalogue, path).pairs
    rows = []
    for row, given in enumerate(pairs.rows):
        for place in np.flatnonzero(np.isfinite(pairs.measured[:, row])):
            column = str(pairs.columns[place, row])
            low, mid, high = (cell(float(each)) for each in pairs.predicted[:, place, row])
            why = ", ".join(say(f"performance.reasons.{name}") for name in (pairs.answers[row].get("why_not") or "").split(";") if name)
            rows.append(
                (
                    str(pairs.labels["model"][row]),
                    f"{cell(float(given.get('n_chips') or 'nan'))} x {pairs.labels['chip'][row]}".removeprefix(" x "),
                    say(f"accuracy.basis.{column}"),
                    cell(float(pairs.measured[place, row])),
                    mid or why,
                    f"{low} to {high}" if low and high else "",
                    signed_percent(float(pairs.ratios[place, row]) - 1),
                    f"[{_host(given.get('source_url') or '')}]({given['source_url']})" if given.get("source_url") else "",
                )
            )
    titles = ("model", "chips", "figure", "published", "predicted", "80 % interval", "error of the rate %", "source")
    return table([(title, "number" if title in ("published", "predicted", "error of the rate %") else "text") for title in titles], rows)


def _host(address: str) -> str:
    return address.partition("//")[2].partition("/")[0].removeprefix("www.")


def written(found: Accuracy, say: Tongue) -> str:
    """One table judged."""
    return markdown(accuracy_report(found, say, worst=WORST_ROWS, families=WORST_FAMILIES, public=True))


def picture(chart_of: Callable[..., dict[str, Any]], found: Accuracy | TrainingAccuracy, say: Tongue) -> bytes:
    """The chart, with as many rows as its size allows."""
    most = DRAWN
    while len(chart := drawn(chart_of(found, say, most=most), CHART, say.language)) > CHART_BYTES:
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
