"""What happens, as one JSON object a line, for programs that gather logs: VOICECAST_LOG=json.

Every line has time, level, logger and message, and, within a run, flow_run and
task_run (names) with flow_run_id; lines about a stage have stage, of (the
episode or character), engine, and when it ended seconds and peak_memory_mb.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from prefect.context import FlowRunContext, TaskRunContext

from infra.settings import settings

STAGE_FACTS = ("stage", "of", "engine", "runner", "seconds", "peak_memory_mb", "gpus")


class JsonLine(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_run(),
            **{name: getattr(record, name) for name in STAGE_FACTS if hasattr(record, name)},
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def _run() -> dict[str, str]:
    """The run that this is said in."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    said: dict[str, str] = {}
    if flow and flow.flow_run:
        said |= {"flow_run": flow.flow_run.name, "flow_run_id": str(flow.flow_run.id)}
    if task:
        said |= {"task_run": task.task_run.name, "flow_run_id": str(task.task_run.flow_run_id)}
    return said


def write_json_lines() -> None:
    """Send what voicecast and Prefect's runs say to stderr as JSON, if settings want it; once a process."""
    if settings().log != "json":
        return
    for name in ("voicecast", "voicecast.engine", "prefect.flow_runs", "prefect.task_runs"):
        log = logging.getLogger(name)
        if not any(isinstance(each.formatter, JsonLine) for each in log.handlers):
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(JsonLine())
            log.addHandler(handler)
        log.setLevel(logging.INFO)
