"""The command `voicecast`: one small module for a group of commands, and how every error ends.

Exit codes: 0 done · 1 the machine's fault, try again · 2 something said is wrong · 3 done, but
recordings were left out · 4 labels are wanted · 5 no rights are recorded · 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from containers.contract.errors import RecordingError, StageError
from flows.cli import demo, label, run, series, show, speak
from flows.cli.terminal import errors
from infra.engines import UnknownEngine
from infra.store import StoreError
from tasks.labels import LabelsError
from tasks.series import SeriesError
from tasks.speaking import NothingToSay
from tasks.voices import NoVoice, RightsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turn the episodes of a series into voices of its characters, and new speech in those voices.",
    epilog="Exit codes: 0 done, 1 try again, 2 something said is wrong, 3 recordings were left out, "
    "4 labels are wanted, 5 no rights are recorded.",
)
for module in (series, run, label, speak, show, demo):
    module.add_to(app)

SAID_WRONG = (SeriesError, StoreError, LabelsError, UnknownEngine, NoVoice, NothingToSay, LookupError)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; a failure is one paragraph: what, which file, what to do."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    try:
        app(arguments, prog_name="voicecast")
    except RightsError as error:
        _end(error, 5)
    except SAID_WRONG as error:
        _end(error, 2)
    except RecordingError as error:
        _end(error, 3)
    except StageError as error:
        _end(error, 1)
    except Exception as error:
        if os.environ.get("VOICECAST_TRACEBACK"):
            raise
        _end(f"{type(error).__name__}: {error}. Set VOICECAST_TRACEBACK=1 to see where, and report it", 1)


def _end(message: object, code: int) -> None:
    errors.print(f"voicecast: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
