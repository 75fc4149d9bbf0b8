"""Pages in one file: styles, script and data inside, under a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def inside(name: str, tag: str) -> str:
    """What stands between the tags of a template's file."""
    text = Path(__file__).with_name(name).read_text("utf-8")
    return text.partition(f"<{tag}>")[2].rpartition(f"</{tag}>")[0]


def hash_of_script(script: str) -> str:
    """As a content security policy names a script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def data_inside(value: Any) -> str:
    """JSON that stands in a script element and cannot end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
