"""Mistakes in the use of the command line, as our own sentences, and help in both languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer.core

from suanli.errors import BadInput, SuanliError, nearest
from suanli.reporting.document import Block, Heading, Line, Report, report, table
from suanli.reporting.text import text_of
from suanli.words import say


def usage_error(error: Any, arguments: Sequence[str], command_words: Sequence[str]) -> SuanliError:
    """The sentence for what the parser refused in ``arguments`` of a command. Told apart by what the error carries, whatever the parser's version."""
    kind = type(error).__name__
    command = error.ctx.command_path if getattr(error, "ctx", None) else " ".join(["suanli", *command_words])
    if kind == "NoSuchOption":
        known = [name for parameter in error.ctx.command.params for name in parameter.opts] if error.ctx else []
        near = nearest(error.option_name, known) or known
        return BadInput("cli.no_such_option", option=error.option_name, nearest=", ".join(near[:5]), command=command)
    if kind == "MissingParameter":
        return BadInput("cli.missing", what=_name(error.param), command=command)
    if kind == "BadParameter":
        return BadInput("cli.bad_number", option=_name(error.param), value=_given(_name(error.param), arguments))
    if kind == "BadOptionUsage":
        return BadInput("cli.needs_value", option=error.option_name, command=command)
    if getattr(getattr(error, "ctx", None), "command", None) is not None and hasattr(error.ctx.command, "commands"):
        return BadInput("cli.missing", what="@cli.help.command", command=command)
    extra = re.search(r"\(([^()]*)\)\s*$", error.format_message())
    return BadInput("cli.extra", text=extra[1] if extra else " ".join(error.format_message().split()), command=command)


def _given(option: str, arguments: Sequence[str]) -> str:
    """What was written for an option: after it, or after its equals sign."""
    for place, each in enumerate(arguments):
        if each == option:
            return arguments[place + 1] if place + 1 < len(arguments) else ""
        if each.startswith(option + "="):
            return each.partition("=")[2]
    return ""


def _name(parameter: Any) -> str:
    if parameter is None:
        return ""
    return str(parameter.opts[0]) if parameter.param_type_name == "option" else str(parameter.metavar or parameter.name).upper()


class Command(typer.core.TyperCommand):
    """A command whose help is ours."""

    def get_help(self, ctx: Any) -> str:
        return help_text(self, ctx)


class Group(typer.core.TyperGroup):
    """A group whose help is ours, and that offers the nearest commands."""

    def get_help(self, ctx: Any) -> str:
        return help_text(self, ctx)

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        if args[0] not in self.commands and not args[0].startswith("-"):
            near = nearest(args[0], self.commands) or list(self.commands)
            raise BadInput("cli.no_such_command", name=args[0], nearest=", ".join(near), command=ctx.command_path)
        return super().resolve_command(ctx, args)


def help_text(command: Any, ctx: Any) -> str:
    """Usage, what it does, arguments, options and commands, in the language of the call."""
    from suanli.cli.face import width_of_terminal

    language = ctx.find_root().obj
    words = [ctx.command_path]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    words += [(each.metavar or each.name.upper()) + ("..." if each.nargs == -1 else "") for each in arguments]
    commands = getattr(command, "commands", {})
    words += [say("cli.help.command", language)] if commands else []
    words += [say("cli.help.options", language)]
    blocks: list[Block] = [
        Line(" ".join(words), say("cli.help.usage", language)),
        *(Line(each) for each in _said(command.help, language).split("\n")),
    ]
    if commands:
        blocks += [
            Heading(say("cli.help.commands", language)),
            _listing([(name, _said(each.help, language).split("\n")[0]) for name, each in commands.items() if not each.hidden]),
        ]
    if arguments:
        blocks += [
            Heading(say("cli.help.arguments", language)),
            _listing([(each.metavar or each.name.upper(), _said(each.help, language)) for each in arguments]),
        ]
    options = [each for each in command.get_params(ctx) if each.param_type_name == "option"]
    blocks += [
        Heading(say("cli.help.option_list", language)),
        _listing([(_spelling(each), _said("cli.option.help" if "--help" in each.opts else each.help, language)) for each in options]),
    ]
    return text_of(_spaced(blocks), width_of_terminal()).rstrip("\n")


def _spaced(blocks: list[Block]) -> Report:
    return report(blocks)


def _spelling(option: Any) -> str:
    name = ", ".join([*option.opts, *option.secondary_opts])
    return name if option.is_flag or not option.metavar else f"{name} {option.metavar}"


def _said(key: str | None, language: str) -> str:
    return say(key, language) if key and key.startswith("cli.") else key or ""


def _listing(pairs: list[tuple[str, str]]) -> Any:
    return table([("", "id"), ("", "text")], pairs)
