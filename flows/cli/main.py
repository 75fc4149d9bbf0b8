"""The command `voicecast`: one small module for a group of commands, and how every error ends.

Exit codes: 0 done · 1 the machine's fault, try again · 2 something said is wrong · 3 done, but
recordings were left out · 4 labels are wanted · 5 no rights are recorded · 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import signal
import sys

import typer

from containers.contract.errors import StageError
from flows.cli import (
    assets,
    audit,
    audition,
    demo,
    deploy,
    dub,
    engines,
    export,
    inspect,
    label,
    plan,
    read,
    review,
    revoke,
    run,
    series,
    show,
    speak,
    up,
    verify,
    weights,
)
from flows.cli.terminal import end_in_order, errors, plain_streams, say_interrupted
from infra.engines import UnknownEngine
from infra.orphans import mark, sweep_servers
from infra.settings import SettingsError
from infra.store import StoreBusy, StoreError
from tasks.exporting.exports_material import ExportError
from tasks.labelling.labels import LabelsError
from tasks.orders import BadTiming
from tasks.series import SeriesError
from tasks.speech.readings import ReadingError
from tasks.speech.scripts_text import ScriptError
from tasks.speech.speaking import NothingToSay
from tasks.trust.rights import NoVoice, RightsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turn the episodes of a series into voices of its characters, and new speech in those voices.",
    epilog="Exit codes: 0 done, 1 try again, 2 something said is wrong, 3 recordings were left out, "
    "4 labels are wanted, 5 no rights are recorded.",
)
for module in (
    series,
    plan,
    run,
    label,
    review,
    speak,
    read,
    dub,
    audition,
    inspect,
    revoke,
    audit,
    export,
    assets,
    show,
    verify,
    engines,
    weights,
    deploy,
    up,
    demo,
):
    module.add_to(app)

SAID_WRONG = (
    SeriesError,
    SettingsError,
    StoreError,
    LabelsError,
    UnknownEngine,
    NoVoice,
    NothingToSay,
    ReadingError,
    ScriptError,
    BadTiming,
    ExportError,
    LookupError,
)
OUR_BUG = (KeyError, IndexError)
"""LookupErrors that nobody raises on purpose."""


NO_SERVER = (
    "Prefect's temporary server did not answer in time: the machine is very busy, or the server cannot write to its "
    "folder (PREFECT_HOME, else ~/.prefect). Run this again; what is finished stays so"
)
INTERRUPTED = 130
FULL = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; a failure is one paragraph: what, which file, what to do."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    plain_streams()
    end_in_order()
    mark()
    sweep_servers()
    try:
        app(arguments, prog_name="voicecast")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # what was started is being ended: a second Ctrl-C breaks that
            say_interrupted()
        raise
    except Exception as error:
        if os.environ.get("VOICECAST_TRACEBACK"):
            raise
        message, code = last_words(error)
        errors.print(f"voicecast: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(code)


def last_words(error: Exception) -> tuple[str, int]:
    """What to tell a person of a failure, and the exit code."""
    if isinstance(error, RightsError):
        return str(error), 5
    if isinstance(error, StoreBusy):
        return str(error), 1
    if isinstance(error, SAID_WRONG) and not isinstance(error, OUR_BUG):
        return str(error), 2
    if isinstance(error, StageError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and (error.filename or error.errno in FULL):
        return _of_file(error), 1
    silent = isinstance(error, RuntimeError) and "ephemeral Prefect API server" in str(error)
    report = f"{type(error).__name__}: {error}. Set VOICECAST_TRACEBACK=1 to see where, and report it"
    return NO_SERVER if silent else report, 1


def _of_file(error: OSError) -> str:
    """Which file the machine refused, why, and what helps where its disk is full."""
    where = f"{error.filename}: " if error.filename else ""
    way_out = "; make room, and run this again: what is finished is kept" if error.errno in FULL else ""
    return f"{where}{error.strerror}{way_out}"


if __name__ == "__main__":
    main()
