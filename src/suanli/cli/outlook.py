"""``suanli outlook``: compute, market, company, chip."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from suanli.cli.accuracy import draw_chart
from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, On, choice, date, names, quantity
from suanli.cli.predict import csv_text, write_whole
from suanli.errors import BadFile, BadInput

Out = Annotated[str, typer.Option("-o", "--out", help="cli.outlook.out", metavar="FILE")]
#: what is no chart but the rows
ROWS = ".csv"


def compute(
    context: typer.Context,
    rule: Annotated[str, typer.Option("--rule", help="cli.outlook.rule", metavar="record|top10|all")] = "record",
    since: Annotated[str, typer.Option("--since", help="cli.outlook.since", metavar="DATE")] = "2012-01-01",
    until: Annotated[str, typer.Option("--until", help="cli.outlook.until", metavar="DATE")] = "",
    year: Annotated[str, typer.Option("--year", help="cli.outlook.year", metavar="2027")] = "",
    chip: Annotated[str, typer.Option("--chip", help="cli.outlook.chip", metavar="ID[,ID]")] = "",
    days: Annotated[str, typer.Option("--days", help="cli.outlook.days", metavar="100")] = "",
    place: Annotated[str, typer.Option("--place", help="cli.train.place", metavar="ID")] = "US",
    out: Out = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """How fast training compute grows, by which sample, how sure, and what a frontier run of a year would need."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    _check(out)
    from suanli import api
    from suanli.outlook import RULES

    choice(rule, "--rule", tuple(RULES))
    catalogue = face.catalogue()
    growth = api.compute_growth(catalogue, rule, date(since, "--since"), date(until, "--until"))
    run = None
    if year or chip:
        if not year or not year.isdigit():
            raise BadInput("cli.missing", what="--year 2027", command="suanli outlook compute --chip")
        run = api.frontier_run(catalogue, int(year), names(chip), growth, place, days=quantity(days, "1", "--days"))
    rules = [growth if each == rule else api.compute_growth(catalogue, each, growth.first, growth.last) for each in RULES]
    groups = {by: api.compute_groups(catalogue, growth, by) for by in ("country", "organisation")}
    from suanli.reporting import outlook, outlook_charts

    said = _out(face, out, lambda: outlook_charts.compute_chart(growth, run, face.say), lambda: outlook.compute_rows(growth))
    if face.json:
        from suanli.reporting.payload_outlook import compute_json

        return face.print(compute_json(growth, rules, groups, run))
    return _show(face, outlook.compute_report(growth, rules, groups, run, face.say), said)


def market(
    context: typer.Context,
    series: Annotated[str, typer.Argument(help="cli.outlook.series", metavar="[SERIES|GROUP]")] = "",
    out: Out = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Market figures by series, publisher and vintage; growth; forecasts against what came true."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    _check(out)
    from suanli import api
    from suanli.reporting import outlook, outlook_charts

    found = api.market(face.catalogue(), series)
    said = _out(face, out, lambda: outlook_charts.market_chart(found, face.say), lambda: outlook.market_rows(found))
    if face.json:
        from suanli.reporting.payload_outlook import market_json

        return face.print(market_json(found))
    return _show(face, outlook.market_report(found, face.say, everything=bool(series)), said)


def company(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="cli.outlook.company", metavar="[NAME]")] = "",
    out: Out = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Accounts of a maker: revenue, profit both ways, research, and what it earns of its research itself."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    _check(out)
    from suanli import api
    from suanli.reporting import outlook, outlook_charts

    if not name:
        return _makers(face, out)
    found = api.company(face.catalogue(), name)
    said = _out(face, out, lambda: outlook_charts.company_chart(found, face.say), lambda: outlook.company_rows(found))
    if face.json:
        from suanli.reporting.payload_outlook import company_json

        return face.print(company_json(found))
    return _show(face, outlook.company_report(found, face.say), said)


def _makers(face: Face, out: str) -> None:
    from suanli import api
    from suanli.reporting import outlook

    if out:
        raise BadInput("cli.missing", what="NAME", command="suanli outlook company -o")
    found = api.makers(face.catalogue())
    if face.json:
        from suanli.reporting.payload_outlook import makers_json

        return face.print(makers_json(found))
    return face.show(outlook.makers_report(found, face.say))


def chip(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="cli.outlook.silicon", metavar="[CHIP]")] = "",
    node: Annotated[str, typer.Option("--node", help="cli.outlook.node", metavar="7nm")] = "",
    die_area: Annotated[str, typer.Option("--die-area", help="cli.outlook.die_area", metavar="456mm2")] = "",
    dies: Annotated[int, typer.Option("--dies", help="cli.outlook.dies", metavar="N")] = 1,
    memory: Annotated[str, typer.Option("--memory", help="cli.outlook.memory", metavar="32GB")] = "",
    memory_type: Annotated[str, typer.Option("--memory-type", help="cli.outlook.memory_type", metavar="HBM2E")] = "",
    price: Annotated[str, typer.Option("--price", help="cli.outlook.price", metavar="10000")] = "",
    process: Annotated[str, typer.Option("--process", help="cli.outlook.process", metavar="TSMC|SMIC")] = "",
    defects: Annotated[str, typer.Option("--defects", help="cli.outlook.defects", metavar="0.1")] = "",
    tpp: Annotated[str, typer.Option("--tpp", help="cli.export.tpp", metavar="4800")] = "",
    to: Annotated[str, typer.Option("--to", help="cli.outlook.to", metavar="CC")] = "",
    on: On = "",
    out: Out = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """What a chip costs to make, how many must be sold to pay its design back, and what moves that most."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    _check(out)
    from suanli import api
    from suanli.reporting import outlook, outlook_charts
    from suanli.units import factor

    given = _number(defects, "--defects") / factor("cm2", "mm2")
    found = api.silicon(
        face.catalogue(), chip=name, node=node, die_area=_or_nan(quantity(die_area, "mm2", "--die-area")), dies=dies,
        memory=_or_nan(quantity(memory, "byte", "--memory")), memory_type=memory_type, price=_number(price, "--price"), process=process,
        performance=_number(tpp, "--tpp"), to=to, on=date(on), defects=given,
    )  # fmt: skip
    said = _out(face, out, lambda: outlook_charts.silicon_chart(found, face.say), lambda: outlook.silicon_rows(found))
    if face.json:
        from suanli.reporting.payload_outlook import silicon_json

        return face.print(silicon_json(found))
    return _show(face, outlook.silicon_report(found, face.say), said)


def _number(text: str, option: str) -> float:
    return _or_nan(quantity(text, "1", option))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _check(out: str) -> None:
    if not out:
        return
    from suanli.reporting.draw import SUFFIXES

    choice(Path(out).suffix.lower(), "-o", (*SUFFIXES, ROWS))
    if not Path(out).resolve().parent.is_dir():
        raise BadFile("cli.no_folder", folder=str(Path(out).parent))


def _out(face: Face, out: str, chart: Any, rows: Any) -> list[Any]:
    """Write the chart, or the rows; the lines that say so."""
    if not out:
        return []
    if Path(out).suffix.lower() != ROWS:
        return draw_chart(face, chart(), out)
    from suanli.reporting.document import Line

    write_whole(Path(out), csv_text(rows()))
    return [Line(face.say("outlook.rows_written", out=out))]


def _show(face: Face, found: Any, said: list[Any]) -> None:
    from suanli.reporting.document import report

    face.show(report(found, said))
