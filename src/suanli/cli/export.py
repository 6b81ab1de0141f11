"""``suanli export``."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.accuracy import draw_chart
from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, On, choice, date, names, quantity
from suanli.errors import BadFile, BadInput, Conflict

if TYPE_CHECKING:
    from suanli.api.export import Goods
    from suanli.facts import Catalogue
    from suanli.reporting.document import Report
    from suanli.rules import Goal, RuleBook

#: every country of the table
EVERY = "all"
_TRUTHS = {"yes": True, "no": False, "": None}


@dataclass(frozen=True)
class Question:
    """What was asked on the command line, read."""

    catalogue: Catalogue
    book: RuleBook
    on: datetime.date
    case: dict[str, Any]
    own: dict[str, Any]


def export(
    context: typer.Context,
    chip: Annotated[str, typer.Argument(help="cli.export.chip", metavar="[CHIP]")] = "",
    to: Annotated[str, typer.Option("--to", help="cli.export.to", metavar="CC[,CC]|all")] = "",
    on: On = "",
    buyer: Annotated[str, typer.Option("--buyer", help="cli.export.buyer", metavar="NAME")] = "",
    hq: Annotated[str, typer.Option("--hq", help="cli.export.hq", metavar="CC")] = "",
    owner: Annotated[str, typer.Option("--owner", help="cli.export.owner", metavar="NAME")] = "",
    owner_share: Annotated[str, typer.Option("--owner-share", help="cli.export.owner_share", metavar="50")] = "",
    reexport_from: Annotated[str, typer.Option("--reexport-from", help="cli.export.reexport_from", metavar="CC")] = "",
    transaction: Annotated[str, typer.Option("--transaction", help="cli.export.transaction", metavar="TEXT")] = "",
    count: Annotated[str, typer.Option("--count", help="cli.export.count", metavar="N")] = "",
    layers: Annotated[str, typer.Option("--layers", help="cli.export.layers", metavar="US,CN")] = "",
    suppose: Annotated[str, typer.Option("--suppose", help="cli.export.suppose", metavar="RULE")] = "",
    timeline: Annotated[bool, typer.Option("--timeline", help="cli.export.timeline")] = False,
    since: Annotated[str, typer.Option("--since", help="cli.export.since", metavar="DATE")] = "",
    all_: Annotated[bool, typer.Option("--all", help="cli.export.all")] = False,
    only: Annotated[str, typer.Option("--only", help="cli.export.only", metavar="OUTCOME")] = "",
    fastest: Annotated[bool, typer.Option("--fastest", help="cli.export.fastest")] = False,
    goal: Annotated[str, typer.Option("--goal", help="cli.export.goal", metavar="free|reviewed")] = "",
    tpp: Annotated[str, typer.Option("--tpp", help="cli.export.tpp", metavar="2368")] = "",
    die_area: Annotated[str, typer.Option("--die-area", help="cli.export.die_area", metavar="814mm2")] = "",
    memory_bandwidth: Annotated[str, typer.Option("--memory-bandwidth", help="cli.export.memory_bandwidth", metavar="4TB/s")] = "",
    io_bandwidth: Annotated[str, typer.Option("--io-bandwidth", help="cli.export.io_bandwidth", metavar="900GB/s")] = "",
    datacentre: Annotated[str, typer.Option("--datacentre", help="cli.export.datacentre", metavar="yes|no")] = "",
    vendor: Annotated[str, typer.Option("--vendor", help="cli.export.vendor", metavar="NAME")] = "",
    maker: Annotated[str, typer.Option("--maker", help="cli.export.maker", metavar="CC")] = "",
    memory_stack: Annotated[str, typer.Option("--memory-stack", help="cli.export.memory_stack", metavar="121mm2")] = "",
    foundry: Annotated[str, typer.Option("--foundry", help="cli.export.foundry", metavar="5nm")] = "",
    transistors: Annotated[str, typer.Option("--transistors", help="cli.export.transistors", metavar="28e9")] = "",
    designer: Annotated[str, typer.Option("--designer", help="cli.export.designer", metavar="KIND")] = "",
    out: Annotated[str, typer.Option("-o", "--out", help="cli.export.out", metavar="CHART")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """May a chip go to a country on a day, and by which rule."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    shapes = [name for name, wanted in (("--timeline", timeline), ("--all", all_), ("--fastest", fastest)) if wanted]
    if len(shapes) > 1:
        raise Conflict("cli.conflict", first=shapes[0], second=shapes[1])
    if not to:
        raise BadInput("cli.missing", what="--to", command="suanli export")
    if reexport_from and transaction:
        raise Conflict("cli.conflict", first="--reexport-from", second="--transaction")
    if out:
        _check_out(out, timeline or all_)
    from suanli import api
    from suanli.rules import OUTCOMES

    catalogue = face.catalogue()
    day = date(on) or datetime.date.today()
    case: dict[str, Any] = {
        "party": buyer,
        "buyer_hq": hq,
        "owner": owner,
        "owner_share": _number(owner_share, "--owner-share"),
        "transaction": f"reexport from {reexport_from.upper()}" if reexport_from else transaction,
        "layers": tuple(each.upper() for each in names(layers)),
        "ahead": True,
        "supposing": tuple(each.lower() for each in names(suppose)),
    }
    own: dict[str, Any] = {
        "tpp": _number(tpp, "--tpp"),
        "die_area": quantity(die_area, "mm2", "--die-area"),
        "memory_bandwidth": _in(memory_bandwidth, "byte/s", "GB/s", "--memory-bandwidth"),
        "io_bandwidth": _in(io_bandwidth, "byte/s", "GB/s", "--io-bandwidth"),
        "datacentre": _TRUTHS[choice(datacentre, "--datacentre", ("yes", "no")) if datacentre else ""],
        "vendor": vendor,
        "hq_country": maker.upper(),
        "count": _number(count, "--count"),
        "transistors": _in(transistors, "1", "bn", "--transistors"),
    }
    if memory_stack:
        own |= {"memory_device": True, "package_area": quantity(memory_stack, "mm2", "--memory-stack")}
    if foundry:
        own |= {"foundry_shipment": True, "process": quantity(foundry, "nm", "--foundry")}
    if designer:
        own["designer"] = choice(designer, "--designer", ("approved", "authorised"))
    question = Question(catalogue, api.book_of(catalogue), day, case, own)
    if only:
        choice(only, "--only", OUTCOMES)
    if fastest:
        wanted: Goal = "reviewed" if choice(goal or "free", "--goal", ("free", "reviewed")) == "reviewed" else "free"
        return _fastest(face, question, to, wanted)
    if all_:
        return _all(face, question, chip, to, only, out)
    goods = api.find_goods(catalogue, chip, **own)
    if timeline:
        return _timeline(face, question, goods, to, date(since, "--since"), out)
    if to == EVERY or "," in to:
        return _destinations(face, question, goods, to)
    return _one(face, question, goods, to)


def _one(face: Face, question: Question, goods: Goods, to: str) -> None:
    from suanli import api

    verdict = api.export_verdict(question.catalogue, goods, to, question.on, **question.case)
    if face.json:
        from suanli.reporting.payload_export import verdict_json

        return face.print(verdict_json(goods.item, verdict, goods.given))
    from suanli.reporting.export import export_report

    return face.show(export_report(goods.item, verdict, face.say, goods.given, face.say.named(goods.thing) if goods.thing else ""))


def _timeline(face: Face, question: Question, goods: Goods, to: str, since: datetime.date | None, out: str) -> None:
    from suanli import api
    from suanli.reporting.export_charts import timeline_chart
    from suanli.reporting.export_tables import timeline_report

    first = since or datetime.date(datetime.date.fromisoformat(question.book.terms.first_day).year, 1, 1)
    if first > question.on:
        raise BadInput("cli.order", first="--since", second="--on", values=f"{first} > {question.on}")
    stretches = api.export_timeline(question.catalogue, goods, to, first, question.on, **question.case)
    said = draw_chart(face, timeline_chart(goods.item, stretches, face.say), out) if out else []
    if face.json:
        from suanli.reporting.payload_export import timeline_json

        return face.print(timeline_json(goods.item, stretches))
    return _show(face, timeline_report(goods.item, stretches, face.say), said)


def _all(face: Face, question: Question, chip: str, to: str, only: str, out: str) -> None:
    from suanli import api

    if chip:
        raise Conflict("cli.conflict", first=chip, second="--all")
    destination = question.book.country(to, question.on)
    chips, items, found = api.export_all(question.catalogue, to, question.on, **question.case)
    said = []
    if out:
        from suanli.reporting.export_charts import map_chart

        lines = api.export_lines(question.catalogue, to, question.on, **question.case)
        said = draw_chart(face, map_chart(chips, items, found, lines, destination, question.on.isoformat(), face.say), out)
    if face.json:
        from suanli.reporting.payload_export import all_json

        return face.print(all_json(chips, items, found, destination, question.on, only))
    from suanli.reporting.export_tables import all_report

    return _show(face, all_report(chips, items, found, destination, question.on.isoformat(), face.say, only), said)


def _destinations(face: Face, question: Question, goods: Goods, to: str) -> None:
    from suanli import api

    wanted = tuple(question.book.countries) if to == EVERY else names(to)
    verdicts = [api.export_verdict(question.catalogue, goods, each, question.on, **question.case) for each in wanted]
    if face.json:
        from suanli.reporting.payload_export import destinations_json

        return face.print(destinations_json(goods.item, verdicts))
    from suanli.reporting.export_tables import destinations_report

    return face.show(destinations_report(goods.item, verdicts, face.say))


def _fastest(face: Face, question: Question, to: str, goal: Goal) -> None:
    from suanli import api

    own = question.own
    wanted = {"datacentre": own["datacentre"] is not False, "vendor": own["vendor"], "hq_country": own["hq_country"]}
    if own["die_area"] is not None:
        wanted["largest_area"] = own["die_area"]
    found = api.export_design(question.catalogue, to, question.on, goal=goal, **wanted, **question.case)
    destination = question.book.country(to, question.on)
    chips, items, screened = api.export_all(question.catalogue, to, question.on, **question.case)
    existing = api.existing(chips, items, screened, question.on, goal)
    if face.json:
        from suanli.reporting.payload_export import design_json

        return face.print(design_json(found, destination, question.on, goal, existing))
    from suanli.reporting.export_tables import design_report

    return face.show(design_report(found, destination, question.on.isoformat(), goal, existing, face.say))


def _show(face: Face, found: Report, said: Any) -> None:
    from suanli.reporting.document import report

    face.show(report(found, said))


def _number(text: str, option: str) -> float:
    value = quantity(text, "1", option)
    return math.nan if value is None else value


def _in(text: str, dimension: str, unit: str, option: str) -> float | None:
    from suanli.units import factor

    value = quantity(text, dimension, option)
    if value is not None and text.strip().replace(".", "", 1).isdigit() and dimension != "1":
        raise BadInput("cli.no_unit", option=option, value=text, example=f"{text.strip()}{unit}")
    return None if value is None else value / factor(unit, dimension)


def _check_out(out: str, drawn: bool) -> None:
    from suanli.reporting.draw import SUFFIXES

    if not drawn:
        raise BadInput("cli.missing", what="--timeline | --all", command="suanli export -o")
    choice(Path(out).suffix.lower(), "-o", SUFFIXES)
    if not Path(out).resolve().parent.is_dir():
        raise BadFile("cli.no_folder", folder=str(Path(out).parent))
