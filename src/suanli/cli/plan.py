"""``suanli plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.face import Face
from suanli.cli.options import UNSAID, Data, Dp, Ep, Ideal, Json, Lang, On, Pp, Precision, Tp, choice, date, layout_of, names, quantity
from suanli.errors import BadInput, Conflict

if TYPE_CHECKING:
    from suanli.facts import Catalogue
    from suanli.planning import Option, Plan
    from suanli.workloads import Workload

#: rows of the table of options
TOP = 10
#: what ``--explain`` without a chip stands for
BEST = "best"


def plan(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="cli.argument.model", metavar="MODEL")],
    workload: Annotated[str, typer.Option("--workload", help="cli.plan.workload", metavar="ID")] = "",
    trace: Annotated[str, typer.Option("--trace", help="cli.plan.trace", metavar="FILE")] = "",
    rate: Annotated[str, typer.Option("--rate", help="cli.plan.rate", metavar="50/s")] = "",
    input_: Annotated[str, typer.Option("--input", help="cli.plan.input", metavar="2000")] = "",
    output: Annotated[str, typer.Option("--output", help="cli.plan.output", metavar="500")] = "",
    ttft: Annotated[str, typer.Option("--ttft", help="cli.plan.ttft", metavar="2s")] = "",
    tpot: Annotated[str, typer.Option("--tpot", help="cli.plan.tpot", metavar="50ms")] = "",
    place: Annotated[str, typer.Option("--place", help="cli.plan.place", metavar="ID")] = "US",
    on: On = "",
    chips: Annotated[str, typer.Option("--chips", help="cli.plan.chips", metavar="A,B")] = "",
    rent: Annotated[bool, typer.Option("--rent", help="cli.plan.rent")] = False,
    buy: Annotated[bool, typer.Option("--buy", help="cli.plan.buy")] = False,
    licence: Annotated[str, typer.Option("--licence", help="cli.plan.licence", metavar="exclude|allow|only-free")] = "exclude",
    buyer: Annotated[str, typer.Option("--buyer", help="cli.plan.buyer", metavar="NAME")] = "",
    hq: Annotated[str, typer.Option("--hq", help="cli.export.hq", metavar="CC")] = "",
    precision: Precision = "",
    tp: Tp = UNSAID,
    pp: Pp = UNSAID,
    dp: Dp = UNSAID,
    ep: Ep = UNSAID,
    ideal: Ideal = False,
    top: Annotated[int, typer.Option("--top", help="cli.plan.top", metavar="N")] = TOP,
    explain: Annotated[str, typer.Option("--explain", help="cli.plan.explain", metavar="[CHIP]")] = "",
    left_out: Annotated[bool, typer.Option("--left-out", help="cli.plan.left_out")] = False,
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Which chips can carry a traffic, how many, how fast, at what cost."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    if rent and buy:
        raise Conflict("cli.conflict", first="--rent", second="--buy")
    if workload and trace:
        raise Conflict("cli.conflict", first="--workload", second="--trace")
    wanted: dict[str, Any] = {
        "rate": quantity(rate, "hertz", "--rate"),
        "input_length": quantity(input_, "token", "--input"),
        "output_length": quantity(output, "token", "--output"),
        "ttft": quantity(ttft, "second", "--ttft"),
        "tpot": quantity(tpot, "second", "--tpot"),
        "on": date(on),
        "chips": names(chips),
        "precision": precision or None,
        "layout": layout_of(tp=tp, pp=pp, dp=dp, ep=ep) or None,
        "acquire": "buy" if buy else "rent",
        "licence": choice(licence, "--licence", ("exclude", "allow", "only-free")),
        "buyer": buyer,
        "buyer_hq": hq,
        "ideal": ideal,
    }
    from suanli import api

    catalogue = face.catalogue()
    traffic = api.trace_workload(trace) if trace else api.find_workload(catalogue, workload) if workload else None
    answer = api.plan(catalogue, model, place=place, workload=traffic, **wanted)
    _show(face, catalogue, answer, traffic, max(top, 1), explain, left_out)


def _show(face: Face, catalogue: Catalogue, answer: Plan, traffic: Workload | None, top: int, explain: str, left_out: bool) -> None:
    from suanli import api

    option = _explained(catalogue, answer, explain)
    explanation = api.explain_option(catalogue, answer.ask, option) if option else None
    if face.json:
        from suanli.reporting.payload import plan_json

        return face.print(plan_json(answer, traffic, explanation))
    from suanli.reporting.explain import explain_report, fleet_lines, of_option
    from suanli.reporting.plan import plan_report

    chain = None
    if option and explanation:
        rate = float(explanation.estimate.tokens_rate[1, 0])
        fleet = fleet_lines(answer.ask, option, rate, answer.currency, answer.currency_rate, face.say)
        chain = explain_report(of_option(answer.ask, option), explanation, face.say, fleet)
    return face.show(plan_report(answer, face.say, top=top, left_out=left_out, workload=traffic, chain=chain))


def _explained(catalogue: Catalogue, answer: Plan, explain: str) -> Option | None:
    if not explain:
        return None
    if explain == BEST:
        return answer.best
    from suanli import api

    chip = api.find_chip(catalogue, explain)
    found = next((option for option in answer.options if option.chip.id == chip.id), None)
    if found is None:
        reasons = next(tuple(f"@performance.reasons.{name}" for name in each.reasons) for each in answer.left_out if each.chip.id == chip.id)
        raise BadInput("cli.no_option", chip=chip.id, reasons=reasons, nearest=", ".join(each.chip.id for each in answer.options[:3]))
    return found
