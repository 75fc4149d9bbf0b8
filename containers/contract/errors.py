"""What can go wrong in a stage, named by who can act."""

from __future__ import annotations


class StageError(Exception):
    """A stage did not give a result; `kind` goes into error.json, `exit_code` to the shell."""

    kind = "machine"
    exit_code = 1


class RequestError(StageError):
    """Our bug: the request has not the agreed form. Never retried."""

    kind = "request"
    exit_code = 2


class RecordingError(StageError):
    """The episode's fault: leave it out and go on. Never retried."""

    kind = "recording"
    exit_code = 3


class EngineError(StageError):
    """The machine's fault (memory, a missing program or weight, a crash): try again."""

    kind = "machine"
    exit_code = 1


BY_KIND: dict[str, type[StageError]] = {error.kind: error for error in (RequestError, RecordingError, EngineError)}
