"""``suanli train``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.face import Face
from suanli.cli.options import UNSAID, Data, Ideal, Json, Lang, On, choice, date, layout_of, names, quantity
from suanli.errors import BadFile, BadInput, Conflict

if TYPE_CHECKING:
    from suanli.planning.training import TrainingPlan
    from suanli.reporting.launch import Launch

Progress = Callable[[str, int, int], None]


def train(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="cli.train.model", metavar="MODEL")],
    chip: Annotated[str, typer.Option("--chip", help="cli.train.chip", metavar="ID[,ID]")],
    chips: Annotated[str, typer.Option("--chips", help="cli.train.chips", metavar="N[,N]")] = "",
    tokens: Annotated[str, typer.Option("--tokens", help="cli.train.tokens", metavar="15e12")] = "",
    by: Annotated[str, typer.Option("--by", help="cli.train.by", metavar="DATE")] = "",
    start: Annotated[str, typer.Option("--start", help="cli.train.start", metavar="DATE")] = "",
    batch: Annotated[int, typer.Option("--batch", help="cli.train.batch", metavar="SEQUENCES")] = UNSAID,
    length: Annotated[str, typer.Option("--length", help="cli.train.length", metavar="TOKENS")] = "",
    precision: Annotated[str, typer.Option("--precision", help="cli.train.precision", metavar="bf16|fp8|fp4")] = "",
    method: Annotated[str, typer.Option("--method", help="cli.train.method", metavar="full|lora")] = "full",
    tp: Annotated[int, typer.Option("--tp", help="cli.train.tp", metavar="N")] = UNSAID,
    pp: Annotated[int, typer.Option("--pp", help="cli.train.pp", metavar="N")] = UNSAID,
    cp: Annotated[int, typer.Option("--cp", help="cli.train.cp", metavar="N")] = UNSAID,
    dp: Annotated[int, typer.Option("--dp", help="cli.train.dp", metavar="N")] = UNSAID,
    ep: Annotated[int, typer.Option("--ep", help="cli.train.ep", metavar="N")] = UNSAID,
    vpp: Annotated[int, typer.Option("--vpp", help="cli.train.vpp", metavar="N")] = UNSAID,
    micro_batch: Annotated[int, typer.Option("--micro-batch", help="cli.train.micro_batch", metavar="N")] = UNSAID,
    sharding: Annotated[str, typer.Option("--sharding", help="cli.train.sharding", metavar="KIND")] = "",
    recompute: Annotated[str, typer.Option("--recompute", help="cli.train.recompute", metavar="KIND")] = "",
    stack: Annotated[str, typer.Option("--stack", help="cli.train.stack", metavar="NAME")] = "",
    system: Annotated[str, typer.Option("--system", help="cli.serve.system", metavar="ID")] = "",
    place: Annotated[str, typer.Option("--place", help="cli.train.place", metavar="ID")] = "US",
    on: On = "",
    rent: Annotated[bool, typer.Option("--rent", help="cli.plan.rent")] = False,
    buy: Annotated[bool, typer.Option("--buy", help="cli.plan.buy")] = False,
    ideal: Ideal = False,
    explain: Annotated[bool, typer.Option("--explain", help="cli.train.explain")] = False,
    flags: Annotated[str, typer.Option("--flags", help="cli.train.flags", metavar="TARGET")] = "",
    out: Annotated[str, typer.Option("-o", "--out", help="cli.train.out", metavar="CHART")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """How long a training run takes, on which chips, in which layout, at what cost."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    if rent and buy:
        raise Conflict("cli.conflict", first="--rent", second="--buy")
    if out:
        _check_out(out)
    counts = tuple(dict.fromkeys(_count(each) for each in names(chips)))
    wanted = tuple(dict.fromkeys(names(chip)))
    if not wanted:
        raise BadInput("cli.missing", what="--chip", command="suanli train")
    from suanli import api
    from suanli.performance.precision import ALIASES, TRAINED
    from suanli.performance.training.configs import METHODS, RECOMPUTES, SHARDINGS
    from suanli.reporting.launch import TARGETS

    layout: dict[str, float] = {**layout_of(tp=tp, pp=pp, cp=cp, dp=dp, ep=ep, vpp=vpp, micro_batch=micro_batch)}
    for name, value, known in (("sharding", sharding, SHARDINGS), ("recompute", recompute, RECOMPUTES)):
        if value:
            layout[name] = known.index(choice(value, f"--{name}", known))
    if flags:
        choice(flags, "--flags", TARGETS)
    if precision:
        choice(ALIASES.get(precision.lower(), precision.lower()), "--precision", TRAINED)
    sequence = quantity(length, "token", "--length")
    with _searching(face, len(wanted) * len(counts)) as progress:
        plan = api.train(
            face.catalogue(),
            model,
            wanted,
            counts,
            place=place,
            system=system or None,
            stack=stack,
            layout=layout,
            progress=progress,
            tokens=quantity(spelt(tokens), "1", "--tokens"),
            precision=precision or None,
            length=None if sequence is None else int(sequence),
            global_batch=None if batch == UNSAID else batch,
            method=choice(method, "--method", METHODS),
            on=date(on),
            start=date(start, "--start"),
            deadline=date(by, "--by"),
            acquire="buy" if buy else "rent",
            ideal=ideal,
        )
    _show(face, plan, explain, flags, out)


def spelt(text: str) -> str:
    """A number of tokens as people write it, as a number that ``units`` reads.

    >>> spelt("15T tokens"), spelt("300B"), spelt("15.6e12")
    ('15T', '300bn', '15.6e12')
    """
    bare = re.sub(r"\s*tokens?$", "", text.strip())
    return re.sub(r"(?<=\d)\s*[Bb]$", "bn", bare)


def _show(face: Face, plan: TrainingPlan, explain: bool, flags: str, out: str) -> None:
    launch = _launch(plan, flags) if flags else None
    said = []
    if out:
        from suanli.cli.accuracy import draw_chart
        from suanli.reporting.training_chart import plan_chart

        said = draw_chart(face, plan_chart(plan, face.say), out)
    if face.json:
        from suanli.reporting.payload_training import train_json

        return face.print(train_json(plan, launch))
    from suanli.reporting.document import Line, report
    from suanli.reporting.training import training_report
    from suanli.reporting.training_explain import chain_report

    chain = chain_report(plan, face.say) if explain else None
    face.show(report(training_report(plan, face.say, chain=chain), said))
    if launch:
        face.print("")
        face.show(report(*_heading(face, launch)))
        face.print(launch.command)  # as it is: a command that is wrapped anew does not run
        face.show(report(*(Line(face.say(note.key, **note.values), "-") for note in launch.notes)))
    return None


def _launch(plan: TrainingPlan, target: str) -> Launch:
    from suanli.reporting.launch import launch_flags

    best = plan.options[0]
    return launch_flags(target, plan.ask.model, best.configs, 0, best.chip.id, max(int(best.platforms.node[0]), 1))


def _heading(face: Face, launch: Launch):  # type: ignore[no-untyped-def]
    from suanli.reporting.document import Heading

    return [Heading(face.say("reporting.train.launch", target=launch.target))]


def _check_out(out: str) -> None:
    from suanli.reporting.draw import SUFFIXES

    choice(Path(out).suffix.lower(), "--out", SUFFIXES)
    if not Path(out).resolve().parent.is_dir():
        raise BadFile("cli.no_folder", folder=str(Path(out).parent))


def _count(text: str) -> int:
    if not re.fullmatch(r"[-+]?\d+", text):
        raise BadInput("cli.bad_number", option="--chips", value=text)
    return int(text)


@contextmanager
def _searching(face: Face, searches: int) -> Iterator[Progress | None]:
    """A bar on a terminal while layouts are tried: the chip, searches done of ``searches`` (0: not known), layouts tried; nothing elsewhere."""
    if face.json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.fields[chip]}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=searches or None, chip="", said="")
        begun: set[tuple[str, int]] = set()

        def tell(chip: str, chips: int, tried: int) -> None:
            begun.add((chip, chips))
            said = face.say("cli.train.tried", tried=f"{tried:,}")
            bar.update(task, completed=len(begun) - 1, chip=f"{chips:,}x {chip}", said=said)

        yield tell
