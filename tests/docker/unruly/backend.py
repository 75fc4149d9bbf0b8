"""An engine that does what engines should not: it eats memory, says nothing, leaves, and looks around.

Its video is a script: {"stub": {"do": "eat", ...}}.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract.item import Item
from containers.contract.stages import ProbeRequest, ProbeResult

EATING = "eaten = [bytearray(b'x' * 2**24) for _ in range(64)]"


@dataclass(frozen=True, kw_only=True)
class Options:
    """None."""


def version() -> str:
    return "unruly 1"


def setup(options: Options) -> Options:
    return options


def probe(_: Options, request: ProbeRequest, item: Item) -> ProbeResult:
    script = json.loads(item.input(request.video).read_text("utf-8"))["stub"]
    item.progress(0.0)
    DEEDS[script.get("do", "nothing")](item, script)
    return ProbeResult(container="unruly", duration=1.0, tracks=(), subtitles=(), chapters=(), track=0)


def eat(_item: Item, _script: dict[str, Any]) -> None:
    exec(EATING)


def let_a_child_eat(_item: Item, _script: dict[str, Any]) -> None:
    subprocess.run([sys.executable, "-c", EATING], check=False)


def leave(_item: Item, _script: dict[str, Any]) -> None:
    print("the library gives up", file=sys.stderr, flush=True)
    os._exit(7)


def be_silent(_item: Item, _script: dict[str, Any]) -> None:
    time.sleep(600)


def draw_a_bar(_item: Item, _script: dict[str, Any]) -> None:
    """As progress bars of libraries do: one line that is written again and again, on standard error."""
    for i in range(6):
        sys.stderr.write(f"\rtraining {i}/5")
        sys.stderr.flush()
        time.sleep(1)


def go_step_by_step(item: Item, script: dict[str, Any]) -> None:
    """As training does: what is reached is kept, and another attempt goes on from there."""
    kept = item.state / "step.txt"
    first = int(kept.read_text()) if kept.exists() else 0
    for step in range(first, script["steps"]):
        time.sleep(0.2)
        partial = kept.with_suffix(".partial")
        partial.write_text(str(step + 1))
        partial.replace(kept)
        print(f"step {step + 1}", flush=True)
        item.progress((step + 1) / script["steps"])
    _tell(item, {"first": first})


def look(item: Item, script: dict[str, Any]) -> None:
    """Write down what this process is, and what it can do to the world."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    facts = {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "capabilities": [int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")],
        "no_new_privileges": status["NoNewPrivs"].strip(),
        "seccomp": status["Seccomp"].strip(),
        "networks": [name for _, name in socket.if_nameindex()],
        "environment": dict(os.environ),
        "written": [path for path in script["write"] if _can(lambda path=path: Path(path, "new").write_text("x"))],
        "overwritten": [path for path in script["overwrite"] if _can(lambda path=path: open(path, "r+").close())],
        "seen": [path for path in script["see"] if os.path.exists(path)],
        "temporary": next(line for line in Path("/proc/mounts").read_text().splitlines() if " /tmp " in line),
        "first_process": Path("/proc/1/comm").read_text().strip(),
    }
    _tell(item, facts)


def _tell(item: Item, facts: dict[str, Any]) -> None:
    """By a file that the result does not name, for runners that share a disk, and in words."""
    item.output("facts.json").write_text(json.dumps(facts), "utf-8")
    print(f"facts {json.dumps(facts)}", flush=True)


def _can(do: Any) -> bool:
    try:
        do()
    except OSError:
        return False
    return True


DEEDS = {
    "nothing": lambda _item, _script: None,
    "eat": eat,
    "let a child eat": let_a_child_eat,
    "leave": leave,
    "be silent": be_silent,
    "draw a bar": draw_a_bar,
    "go step by step": go_step_by_step,
    "look": look,
}
