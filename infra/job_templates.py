"""Base job templates of Prefect's work pools: infra/k8s/*-job-template.json, with what this installation says.

Deployments say nothing of machines: image, folder and environment of runs are
defaults of the pool, so that one prefect.yaml serves all pools. So are Prefect's
settings of a run, which it reads before our code is there: how often its heart
beats (flows.automations counts on it), and how long it bears a server that is
away (about four minutes) or a database that is (answers 500).
"""

from __future__ import annotations

import json
import os
from typing import Any, Literal, get_args

from infra.image_names import house_image
from infra.settings import HERE

Pool = Literal["process", "docker", "kubernetes"]
POOLS: tuple[Pool, ...] = get_args(Pool)
PASSED_ON = (
    "STORE", "IMAGES", "S3_ENDPOINT", "S3_LINK_ENDPOINT", "S3_REGION", "S3_PATH_STYLE", "S3_ENCRYPTION", "S3_KMS_KEY",
    "S3_CHECKSUMS", "CACHE_GB", "LABELS_WAIT_HOURS", "MEMORY_GB",
)  # fmt: skip
"""Variables VOICECAST_... that mean the same on another machine and hold no secret."""


def job_template(kind: Pool, image: str | None = None) -> dict[str, Any]:
    """The template of a pool; `image`: of the house, by default the one that is named by today's code."""
    template: dict[str, Any] = json.loads((HERE / "infra" / "k8s" / f"{kind}-job-template.json").read_text("utf-8"))
    variables = template["variables"]["properties"]
    if kind == "process":
        variables["working_dir"]["default"] = os.getcwd()
        return template
    variables["image"]["default"] = image or house_image()
    variables["env"]["default"] |= passed_on(os.environ, kind)
    return template


def passed_on(environment: os._Environ[str] | dict[str, str], kind: Pool) -> dict[str, str]:
    """What runs elsewhere are told of this machine's settings."""
    names = [f"VOICECAST_{name}" for name in PASSED_ON]
    if kind == "kubernetes":
        names += sorted(name for name in environment if name.startswith("VOICECAST_KUBERNETES_"))
    return {name: environment[name] for name in names if environment.get(name)}
