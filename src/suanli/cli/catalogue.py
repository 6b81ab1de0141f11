"""``suanli chips|models|systems|places|workloads``: list, show, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, choice
from suanli.errors import BadInput

if TYPE_CHECKING:
    from suanli.facts import Catalogue
    from suanli.reporting.document import Block

Id = Annotated[str, typer.Argument(help="cli.argument.id", metavar="ID")]
Ids = Annotated[list[str], typer.Argument(help="cli.argument.ids", metavar="ID")]
Search = Annotated[str, typer.Option("--search", help="cli.option.search", metavar="TEXT")]


@dataclass(frozen=True)
class Commands:
    """The functions behind one kind of thing."""

    default: Callable[..., None]
    list: Callable[..., None]
    show: Callable[..., None]
    compare: Callable[..., None]


def _all(kind: str, catalogue: Catalogue) -> dict[str, Any]:
    """Every thing of a kind, loading only what that kind needs."""
    if kind in ("chip", "system"):
        from suanli.hardware import load_chips, load_systems

        return load_chips(catalogue) if kind == "chip" else load_systems(catalogue)
    if kind == "model":
        from suanli.models import load_models

        return dict(load_models(catalogue))
    if kind == "place":
        from suanli.places import load_places

        return dict(load_places(catalogue))
    from suanli.workloads import load_workloads

    return dict(load_workloads(catalogue))


def _find(kind: str, catalogue: Catalogue, name: str) -> Any:
    if kind == "model":
        from suanli.models import read_model

        return read_model(name, catalogue)
    from suanli.facts.names import index, resolve

    things = _all(kind, catalogue)
    if kind == "system":
        return things[name] if name in things else resolve(kind, name, {each.lower(): thing for each, thing in _by_name(things).items()})
    found = resolve(kind, name, index(things.values()))
    if kind == "place":
        from suanli.places import filled

        return filled(found, things)
    return found


def _by_name(things: dict[str, Any]) -> dict[str, Any]:
    from suanli.facts.names import fold

    names = [(fold(each), thing) for thing in things.values() for each in (thing.name, thing.name_zh) if each]
    return dict(names) | {fold(each): thing for each, thing in things.items()}


def _list(face: Face, kind: str, search: str, wanted: Mapping[str, str] | None = None) -> None:
    things = list(_all(kind, face.catalogue()).values())
    for name, value in (wanted or {}).items():
        if value:
            things = _chosen(things, name, value)
    if search:
        things = [each for each in things if search.lower() in " ".join([each.id, each.name, each.name_zh, *getattr(each, "aliases", ())]).lower()]
    if face.json:
        from suanli.reporting.payload import things_json

        return face.print(things_json(kind, things))
    from suanli.reporting.catalogue import LISTS

    return face.show(LISTS[kind](things, face.say))


def _chosen(things: Sequence[Any], name: str, value: str) -> list[Any]:
    """The things whose ``name`` is ``value``; of a vendor a part of its name, in either language, is enough."""
    if name == "vendor":
        found = [each for each in things if value.lower() in f"{each.vendor} {each.vendor_zh} {each.vendor.replace(' ', '-')}".lower()]
        return found or [choice(value, "--vendor", tuple(sorted({each.vendor for each in things})))]
    known = tuple(sorted({getattr(each, name) for each in things}))
    chosen = choice(value.lower(), "--class" if name == "kind" else f"--{name}", known)
    return [each for each in things if getattr(each, name) == chosen]


def _show(face: Face, kind: str, name: str) -> None:
    catalogue = face.catalogue()
    thing = _find(kind, catalogue, name)
    if face.json:
        from suanli.reporting.payload import things_json

        return face.print(things_json(kind, [thing]))
    from suanli.reporting.catalogue import model_extra, show_report

    extra: list[Block] = []
    if kind == "chip":
        extra = _chip_extra(face, catalogue, thing)
    elif kind == "model":
        extra = model_extra(thing, face.say)
    return face.show(show_report(kind, thing, face.say, extra))


def _chip_extra(face: Face, catalogue: Catalogue, chip: Any) -> list[Block]:
    import datetime

    from suanli.facts.prices import load_exchange, load_purchases, load_rentals, purchase_band, rental_band
    from suanli.reporting.catalogue import chip_extra
    from suanli.rules import check, item_of

    today = datetime.date.today()
    exchange = load_exchange(catalogue)
    rent = rental_band(load_rentals(catalogue), chip.id, today, "on_demand", exchange, per_provider=True)
    bought = purchase_band(load_purchases(catalogue), chip.id, today, exchange)
    holding = [system for system in _all("system", catalogue).values() if system.chip == chip.id]
    verdict = check(item_of(chip), "CN", today)
    line = face.say("reporting.chip.export", on=today.isoformat(), verdict=verdict.headline(face.language), id=chip.id)
    return chip_extra(chip, holding, rent, bought, line, face.say)


def _compare(face: Face, kind: str, names: list[str]) -> None:
    if len(names) < 2:
        raise BadInput("cli.compare_two", command=f"suanli {kind}s compare")
    catalogue = face.catalogue()
    things = [_find(kind, catalogue, name) for name in names]
    if face.json:
        from suanli.reporting.payload import things_json

        return face.print(things_json(kind, things))
    from suanli.reporting.catalogue import compare_report

    return face.show(compare_report(kind, things, face.say))


def _face(context: typer.Context, json: bool, data: list[str] | None) -> Face:
    return Face(context.find_root().obj, json, tuple(data or ()))


def _commands(kind: str) -> Commands:
    def default(context: typer.Context, json: Json = False, lang: Lang = "", data: Data = None) -> None:
        if context.invoked_subcommand is None:
            _list(_face(context, json, data), kind, "")

    def listing(context: typer.Context, search: Search = "", json: Json = False, lang: Lang = "", data: Data = None) -> None:
        _list(_face(context, json, data), kind, search)

    def chips(
        context: typer.Context,
        vendor: Annotated[str, typer.Option("--vendor", help="cli.chips.vendor", metavar="NAME")] = "",
        class_: Annotated[str, typer.Option("--class", help="cli.chips.class", metavar="gpu|npu|tpu|...")] = "",
        segment: Annotated[str, typer.Option("--segment", help="cli.chips.segment", metavar="datacenter|edge|...")] = "",
        search: Search = "",
        json: Json = False,
        lang: Lang = "",
        data: Data = None,
    ) -> None:
        _list(_face(context, json, data), "chip", search, {"vendor": vendor, "kind": class_, "segment": segment})

    def show(context: typer.Context, id_: Id, json: Json = False, lang: Lang = "", data: Data = None) -> None:
        _show(_face(context, json, data), kind, id_)

    def compare(context: typer.Context, ids: Ids, json: Json = False, lang: Lang = "", data: Data = None) -> None:
        _compare(_face(context, json, data), kind, ids)

    return Commands(default, chips if kind == "chip" else listing, show, compare)


COMMANDS = {kind: _commands(kind) for kind in ("chip", "model", "system", "place", "workload")}
