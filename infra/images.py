"""Build the images of engines, and of the house, try each as it will be started, and say what they weigh.

    python -m infra.images [ENGINE ...]

One that fails does not keep the others from being built; the exit code then says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from containers.contract.codec import canonical
from containers.contract.errors import EngineError
from infra.engines import CONTAINERS, Engine, engines
from infra.image_names import HOUSE, Variant, house_image, image_of, variant_of
from infra.runners.docker import DockerRunner, daemon
from infra.settings import HERE, settings
from infra.slots import gpus
from infra.stage import Start

TEMPORARY = {"/tmp": "mode=1777", "/home/voicecast": "mode=1777"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What images are made from besides the engines' folders; empty: what the Dockerfiles say.

    `wheels`: an image that holds wheels, such as a build of torch that no index offers.
    """

    variant: Variant
    base: str = ""
    wheels: str = ""
    torch_index: str = ""

    def __post_init__(self) -> None:
        if "@" in urlsplit(self.torch_index).netloc:
            raise ValueError("TORCH_INDEX holds a password, and an image remembers how it was built; use one without")

    def arguments(self) -> list[str]:
        given = {"BASE_IMAGE": self.base, "WHEELS_IMAGE": self.wheels, "TORCH_INDEX": self.torch_index}
        return [word for name, value in given.items() if value for word in ("--build-arg", f"{name}={value}")]


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image, or why there is none; sizes in bytes, `own` without layers that other images share."""

    engine: str
    image: str
    seconds: float
    version: str = ""
    error: str = ""
    size: int = 0
    own: int = 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.images", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help="or house; default: all that have a Dockerfile")
    parser.add_argument("--variant", choices=["cpu", "cuda"], help="default: cuda where this machine has GPUs")
    parser.add_argument("--base", default=os.environ.get("BASE_IMAGE", ""), help="image to stand on")
    parser.add_argument("--wheels", default=os.environ.get("WHEELS_IMAGE", ""), help="image that holds wheels")
    parser.add_argument("--torch-index", default=os.environ.get("TORCH_INDEX", ""), help="index that torch is from")
    options = parser.parse_args(arguments)
    known = engines()
    every = [HOUSE, *buildable()]
    unknown = set(options.engines) - set(every)
    if unknown:
        parser.error(f"no Dockerfile for {', '.join(sorted(unknown))}; there are: {', '.join(every)}")
    try:
        recipe = Recipe(
            variant=options.variant or ("cuda" if gpus() else "cpu"),
            base=options.base,
            wheels=options.wheels,
            torch_index=options.torch_index,
        )
    except ValueError as error:
        parser.error(str(error))
    try:
        built = [
            make_house(recipe) if name == HOUSE else make(known[name], recipe) for name in options.engines or every
        ]
        print(table(weighed(built)))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return int(any(each.error for each in built))


def buildable() -> list[str]:
    """Engines that have a Dockerfile."""
    return [name for name, engine in engines().items() if (engine.folder / "Dockerfile").exists()]


def make_house(recipe: Recipe) -> Built:
    """Build the image that deployments run flows in, and try it."""
    image = house_image()
    print(f"{image} ...", flush=True)
    began = time.monotonic()
    try:
        base = ["--build-arg", f"BASE_IMAGE={recipe.base}"] if recipe.base else []
        _build(image, HERE / "infra" / "Dockerfile", base, HERE)
        seconds = time.monotonic() - began
        with daemon(HOUSE) as client:
            said = client.containers.run(
                image, ["prefect", "--version"], read_only=True, network_mode="none", remove=True, tmpfs=TEMPORARY
            )
        return Built(engine=HOUSE, image=image, seconds=seconds, version=f"Prefect {said.decode().strip()}")
    except EngineError as error:
        print(error, flush=True)
        first = str(error).splitlines()[0]
        return Built(engine=HOUSE, image=image, seconds=time.monotonic() - began, error=first)


def make(engine: Engine, recipe: Recipe) -> Built:
    """Build an engine's image and try it."""
    variant = recipe.variant if engine.gpu else "cpu"
    image = image_of(engine, variant)
    print(f"{image} ...", flush=True)
    began = time.monotonic()
    try:
        if variant == "cuda" and not recipe.base:
            recipe = replace(recipe, base=_cuda_base())
        _build(image, engine.folder / "Dockerfile", recipe.arguments())
        seconds = time.monotonic() - began
        return Built(engine=engine.name, image=image, seconds=seconds, version=_tried(engine, variant))
    except EngineError as error:
        print(error, flush=True)
        first = str(error).splitlines()[0]
        return Built(engine=engine.name, image=image, seconds=time.monotonic() - began, error=first)


def _cuda_base() -> str:
    name = f"{settings().images}/base:cuda"
    _build(name, CONTAINERS / "cuda.Dockerfile", [])
    return name


def _build(image: str, dockerfile: Path, arguments: list[str], context: Path = CONTAINERS) -> None:
    command = [docker_program(), "build", "-q", "-t", image, "-f", str(dockerfile), *arguments, str(context)]
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise EngineError(f"{image} could not be built\n" + "\n".join(done.stdout.splitlines()[-20:]))


def docker_program() -> str:
    """Docker's own client: one of another origin that comes first in PATH may lack BuildKit."""
    found = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else shutil.which("docker")
    if not found:
        raise EngineError("the program docker, which builds images, is not here; install docker.io or docker-ce")
    return found


def _tried(engine: Engine, variant: Variant) -> str:
    """The engine's version, as it says itself in a container that is confined as all are."""
    taken = gpus()[: engine.gpu]
    if variant_of(taken) != variant:
        return "not tried: no GPU here"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "work").mkdir()
        (folder / "cache").mkdir()
        (folder / "work" / "options.json").write_text(canonical(engine.options({})), "utf-8")
        start = Start(id="check", engine=engine, workdir=folder / "work", cache=folder / "cache", items=0, gpus=taken)
        ended = DockerRunner(folder).check(start)
        answer, error = folder / "work" / "engine.json", folder / "work" / "error.json"
        if answer.exists():
            return str(json.loads(answer.read_text("utf-8"))["engine"])
        said = json.loads(error.read_text("utf-8"))["message"] if error.exists() else f"{ended.reason}. {ended.message}"
        raise EngineError(f"{engine.name} does not start in its image: {said}")


def weighed(built: list[Built]) -> list[Built]:
    """The same with sizes."""
    with daemon() as client:
        found = {name: image for image in client.df()["Images"] for name in image["RepoTags"] or ()}
    sizes = {name: (image["Size"], image["Size"] - max(0, image["SharedSize"])) for name, image in found.items()}
    return [
        replace(each, size=sizes[each.image][0], own=sizes[each.image][1]) if each.image in sizes else each
        for each in built
    ]


def table(built: list[Built]) -> str:
    """A line an image; `own` is what it takes on a disk that has the other images."""
    rows = [("engine", "version", "MB", "own MB", "seconds", "image")]
    rows += [
        (
            each.engine,
            each.error or each.version,
            f"{each.size / 1e6:.0f}",
            f"{each.own / 1e6:.0f}",
            f"{each.seconds:.0f}",
            each.image,
        )
        for each in built
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
