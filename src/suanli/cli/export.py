"""``suanli export``."""

from __future__ import annotations

from typing import Annotated

import typer

from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, On, date


def export(
    context: typer.Context,
    chip: Annotated[str, typer.Argument(help="cli.argument.chip", metavar="CHIP")],
    to: Annotated[str, typer.Option("--to", help="cli.export.to", metavar="CC")],
    on: On = "",
    buyer: Annotated[str, typer.Option("--buyer", help="cli.export.buyer", metavar="NAME")] = "",
    hq: Annotated[str, typer.Option("--hq", help="cli.export.hq", metavar="CC")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """May a chip go to a country on a day, and by which rule."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    from suanli import api

    found, verdict = api.check_export(face.catalogue(), chip, to, date(on), party=buyer, buyer_hq=hq or None)
    if face.json:
        from suanli.reporting.payload import export_json

        return face.print(export_json(found.id, to, verdict))
    from suanli.reporting.export import export_report

    return face.show(export_report(found, to, verdict, face.say))
