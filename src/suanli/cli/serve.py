"""``suanli serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from suanli.cli.face import Face
from suanli.cli.options import UNSAID, Data, Dp, Ep, Ideal, Json, Lang, On, Pp, Precision, Tp, date, layout_of, quantity

#: the load where none is given
DEFAULT_LENGTH = "1024"
DEFAULT_CONCURRENCY = "64"


def serve(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="cli.argument.model", metavar="MODEL")],
    chip: Annotated[str, typer.Option("--chip", help="cli.serve.chip", metavar="ID")],
    chips: Annotated[int, typer.Option("--chips", help="cli.serve.chips", metavar="N")] = UNSAID,
    system: Annotated[str, typer.Option("--system", help="cli.serve.system", metavar="ID")] = "",
    precision: Precision = "",
    tp: Tp = UNSAID,
    pp: Pp = UNSAID,
    dp: Dp = UNSAID,
    ep: Ep = UNSAID,
    input_: Annotated[str, typer.Option("--input", help="cli.plan.input", metavar="1024")] = DEFAULT_LENGTH,
    output: Annotated[str, typer.Option("--output", help="cli.plan.output", metavar="1024")] = DEFAULT_LENGTH,
    concurrency: Annotated[str, typer.Option("--concurrency", help="cli.serve.concurrency", metavar="64")] = DEFAULT_CONCURRENCY,
    prefill_workers: Annotated[int, typer.Option("--prefill-workers", help="cli.serve.prefill_workers", metavar="N")] = UNSAID,
    prefill_tp: Annotated[int, typer.Option("--prefill-tp", help="cli.serve.prefill_tp", metavar="N")] = UNSAID,
    prefill_dp: Annotated[int, typer.Option("--prefill-dp", help="cli.serve.prefill_dp", metavar="N")] = UNSAID,
    accepted: Annotated[str, typer.Option("--accepted", help="cli.serve.accepted", metavar="1.8")] = "1",
    engine: Annotated[str, typer.Option("--engine", help="cli.serve.engine", metavar="NAME")] = "",
    on: On = "",
    ideal: Ideal = False,
    explain: Annotated[bool, typer.Option("--explain", help="cli.serve.explain")] = False,
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """How fast given chips serve a model under a given load."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    from suanli import api

    load = {
        "input_length": quantity(input_, "token", "--input"),
        "output_length": quantity(output, "token", "--output"),
        "concurrency": quantity(concurrency, "1", "--concurrency"),
        "accepted": quantity(accepted, "1", "--accepted"),
    }
    answer = api.serve(
        face.catalogue(),
        model,
        chip,
        chips=None if chips == UNSAID else chips,
        system=system or None,
        precision=precision or None,
        layout=layout_of(tp=tp, pp=pp, dp=dp, ep=ep),
        prefill=layout_of(workers=prefill_workers, tp=prefill_tp, dp=prefill_dp),
        engine=engine,
        on=date(on),
        ideal=ideal,
        **{name: value for name, value in load.items() if value is not None},
    )
    if face.json:
        from suanli.reporting.payload import serving_json

        return face.print(serving_json(answer))
    from suanli.reporting.serving import serving_report

    return face.show(serving_report(answer, face.say, ideal=ideal, explained=explain))
