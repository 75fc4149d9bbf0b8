"""Images sent to a registry, and named by what they hold: a digest can be given to no other image."""

from __future__ import annotations

import json
import subprocess

from containers.contract.errors import EngineError
from infra.images import docker_program


def push(image: str) -> str:
    """Push an image by its tag; gives it by digest. Raises EngineError with what Docker said."""
    _docker("push", "-q", image)
    digests = json.loads(_docker("image", "inspect", "--format", "{{json .RepoDigests}}", image))
    repository = image.rpartition(":")[0]
    found = [each for each in digests if each.partition("@")[0] == repository]
    if not found:
        raise EngineError(f"{image} was pushed, but Docker knows no digest of it; push it again")
    return str(found[0])


def _docker(*words: str) -> str:
    done = subprocess.run([docker_program(), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise EngineError(
            f"docker {' '.join(words[:1])} {words[-1]}: {said[-1] if said else 'failed'}; is the daemon running, the "
            "registry reached, and docker login done?"
        )
    return done.stdout.strip()
