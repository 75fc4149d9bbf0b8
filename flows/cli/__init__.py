"""The command line; its modules take seconds to load, and Ctrl-C meanwhile is no failure to be traced."""

from __future__ import annotations

import sys
from types import TracebackType


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("Interrupted.\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end
