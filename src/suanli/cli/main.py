"""``suanli``: the entry point. Exit code 0 answered, 2 bad input (one line), 3 no feasible answer (with reasons)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from suanli.cli.face import language_of
from suanli.errors import SuanliError
from suanli.words import DEFAULT_LANGUAGE

#: what a shell calls a program that was interrupted, or whose reader went away
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own where ``None``) and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    language = DEFAULT_LANGUAGE
    try:
        language = language_of(arguments, os.environ)
        return _run(_explained(arguments), language)
    except SuanliError as error:
        return _refuse(error, language, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str], language: str) -> int:
    from suanli.cli.application import application
    from suanli.cli.usage import usage_error

    try:
        app = application()
        code = app.main(args=arguments, prog_name="suanli", standalone_mode=False, obj=language)
        sys.stdout.flush()
    except SuanliError:
        raise
    except Exception as error:
        if hasattr(error, "format_message"):
            raise usage_error(error, arguments, [each for each in arguments if each in app.commands][:1]) from None
        if type(error).__name__ == "Exit":
            return int(getattr(error, "exit_code", 0))
        if type(error).__name__ == "Abort":
            return INTERRUPTED
        raise
    return code if isinstance(code, int) else 0


def _explained(arguments: list[str]) -> list[str]:
    """``--explain`` of ``plan`` may stand alone (the best option) or name a chip; the parser wants a value."""
    if "plan" not in arguments:
        return arguments
    after = [*arguments[1:], "-"]
    return [f"{each}=best" if each == "--explain" and after[place].startswith("-") else each for place, each in enumerate(arguments)]


def _refuse(error: SuanliError, language: str, arguments: Sequence[str]) -> int:
    line = " ".join(error.say(language).split())
    sys.stderr.write(f"suanli: {line}\n")
    if "--json" in arguments:
        from suanli.reporting.payload import error_json

        sys.stdout.write(error_json(error.key, line, error.exit_code, dict(error.values)) + "\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
