"""All commands, put together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suanli.cli import accuracy, catalogue, export, outlook, plan, predict, serve, train
from suanli.cli.options import Lang
from suanli.cli.usage import Command, Group


def application() -> Any:
    """The parser with every command; help texts are sentence keys."""
    app = _group("cli.help.root")
    app.callback(invoke_without_command=True)(_root)
    app.command("plan", cls=Command, help="cli.plan.help")(plan.plan)
    app.command("serve", cls=Command, help="cli.serve.help")(serve.serve)
    app.command("train", cls=Command, help="cli.train.help")(train.train)
    predictions = _group("cli.predict.help")
    predictions.callback()(_nothing)
    predictions.command("serving", cls=Command, help="cli.predict.serving_help")(predict.serving)
    predictions.command("training", cls=Command, help="cli.predict.training_help")(predict.training)
    predictions.command("export", cls=Command, help="cli.predict.export_help")(predict.export)
    app.add_typer(predictions, name="predict", cls=Group)
    app.command("accuracy", cls=Command, help="cli.accuracy.help")(accuracy.accuracy)
    for kind, commands in catalogue.COMMANDS.items():
        group = _group(f"cli.{kind}s.help")
        group.callback(invoke_without_command=True)(commands.default)
        for name in ("list", "show", "compare"):
            group.command(name, cls=Command, help=f"cli.{kind}s.{name}")(getattr(commands, name))
        app.add_typer(group, name=f"{kind}s", cls=Group)
    app.command("export", cls=Command, help="cli.export.help")(export.export)
    outlooks = _group("cli.outlook.help")
    outlooks.callback()(_nothing)
    for name, command in (("compute", outlook.compute), ("market", outlook.market), ("company", outlook.company), ("chip", outlook.chip)):
        outlooks.command(name, cls=Command, help=f"cli.outlook.{name}_help")(command)
    app.add_typer(outlooks, name="outlook", cls=Group)
    return typer.main.get_command(app)


def _group(help_key: str) -> typer.Typer:
    return typer.Typer(cls=Group, help=help_key, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _root(context: typer.Context, lang: Lang = "", version: Annotated[bool, typer.Option("--version", help="cli.option.version")] = False) -> None:
    if version:
        from importlib.metadata import version as of

        typer.echo(f"suanli {of('suanli')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _nothing(lang: Lang = "") -> None:
    """A group that does nothing by itself."""
