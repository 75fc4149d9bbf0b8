"""Every engine that is installed, on every runner that is here, asked once; the tests read the answers.

An engine comes in by its table in containers/engines.toml, a runner by a line in `PLACES`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from containers.contract.codec import canonical, decode
from containers.contract.stages import STAGES
from infra.engines import Engine, engines
from infra.runners.process import lay_code
from infra.stage import Exit, Start
from tests.contract import material as made
from tests.contract.places import PLACES, tiny_weights
from tests.contract.requests import DIFFICULT, SPOILED, Letter, difficulties, letter, spoilings

EARS = {"light"}
"""Engines that hear in these tests; stub makes things up, and the others have tiny random weights."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The folder of an item that an engine has dealt with."""

    folder: Path
    stage: str

    @property
    def envelope(self) -> dict[str, Any]:
        if not (self.folder / "result.json").exists():
            pytest.fail(f"no result: {self.error}")
        return dict(json.loads((self.folder / "result.json").read_text("utf-8")))

    @property
    def error(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "error.json").read_text("utf-8")))

    @property
    def result(self) -> Any:
        return decode(STAGES[self.stage].result, self.envelope["result"], self.stage)

    @property
    def request(self) -> Any:
        envelope = json.loads((self.folder / "request.json").read_text("utf-8"))
        return decode(STAGES[self.stage].request, envelope["request"], self.stage)

    def files(self) -> dict[str, bytes]:
        """All that the item has made, by name."""
        out = (path for path in (self.folder / "out").rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in out}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Two starts of one engine over the same requests; spoiled and hard ones stand between them in the second."""

    engine: Engine
    first: Path
    second: Path
    exits: tuple[Exit, ...]
    lines: tuple[str, ...]

    def good(self, stage: str) -> Answer:
        return Answer(folder=self.second / "items" / stage, stage=stage)

    def again(self, stage: str) -> Answer:
        return Answer(folder=self.first / "items" / stage, stage=stage)

    def other(self, stage: str, way: str) -> Answer:
        return Answer(folder=self.second / "items" / f"{stage}.{way}", stage=stage)


class Asker:
    """Asks engines once for the whole run of tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._material: made.Material | None = None
        self._answers: dict[tuple[str, str], Answers] = {}

    @property
    def material(self) -> made.Material:
        if self._material is None:
            (self._folder / "material").mkdir()
            self._material = made.make(self._folder / "material")
        return self._material

    def answers(self, runner: str, engine: Engine) -> Answers:
        if (runner, engine.name) not in self._answers:
            self._answers[runner, engine.name] = self._ask(runner, engine)
        return self._answers[runner, engine.name]

    def _ask(self, runner: str, engine: Engine) -> Answers:
        folder, place = self._folder / runner / engine.name, PLACES[runner]
        lines: list[str] = []
        options = engine.options(tiny_weights(place, engine, folder / "weights"))

        def start(name: str, letters: dict[str, Letter]) -> Exit:
            for item, each in letters.items():
                each.lay(folder / name / "items" / item)
            (folder / name / "options.json").write_text(canonical(options), "utf-8")
            (folder / "cache").mkdir(exist_ok=True)
            order = Start(
                id=name,
                engine=engine,
                workdir=folder / name,
                cache=folder / "cache",
                items=len(letters),
                weights=folder / "weights",
            )
            return place.runner(folder / "runner").run(order, lines.append)

        alone = [stage for stage in engine.stages if stage != "convert"]
        exits = [start("first", {stage: letter(stage, self.material) for stage in alone})]
        voice = tuple(sorted((folder / "first" / "items" / "train" / "out").glob("*")))
        letters: dict[str, Letter] = {}
        for stage in engine.stages:  # all in one start
            letters[stage] = letter(stage, self.material, voice)
            for way in spoilings(engine.name, stage):
                letters[f"{stage}.{way}"] = SPOILED[way][0](letter(stage, self.material, voice), self.material)
            for way in difficulties(stage):
                letters[f"{stage}.{way}"] = DIFFICULT[way][0](letter(stage, self.material, voice), self.material)
        exits.append(start("second", letters))
        if "convert" in engine.stages:
            exits.append(start("third", {"convert": letter("convert", self.material, voice)}))
            (folder / "third" / "items" / "convert").rename(folder / "first" / "items" / "convert")
        return Answers(
            engine=engine,
            first=folder / "first",
            second=folder / "second",
            exits=tuple(exits),
            lines=tuple(lines),
        )


@pytest.fixture(scope="session")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Asker:
    return Asker(tmp_path_factory.mktemp("contract"))


@pytest.fixture
def answers(asker: Asker, runner: str, engine: Engine) -> Answers:
    return asker.answers(runner, engine)


@pytest.fixture
def answer(answers: Answers, stage: str) -> Answer:
    return answers.good(stage)


def pytest_report_header() -> list[str]:
    lacking = [
        f"{name}: {why}"
        for name, place in PLACES.items()
        for each in engines().values()
        if name != "kubernetes" and (why := place.lacks(each))
    ]
    return ["not under the contract's test here: " + "; ".join(lacking)] if lacking else []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "role(*stages, ears=False): runs for engines that play one of these stages")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `stage` runs for each stage of each engine, one that takes `answers` for each engine.

    `@pytest.mark.role("cut")` keeps to the engines that play this stage, and `ears=True` to those that listen.
    """
    names = set(metafunc.fixturenames)
    if not names & {"answers", "answer"}:
        return
    marker = metafunc.definition.get_closest_marker("role")
    wanted = marker.args if marker else None
    listens = bool(marker and marker.kwargs.get("ears"))
    rows = [
        pytest.param(runner, engine, *rest, id="-".join([runner, engine.name, *rest]), marks=_marks(runner, engine))
        for runner in PLACES
        for engine in engines().values()
        if not PLACES[runner].lacks(engine) and (engine.name in EARS or not listens)
        for rest in _rest(engine, names, wanted)
    ]
    arguments = [name for name in ("stage", "way", "difficulty") if name in names]
    metafunc.parametrize(["runner", "engine", *arguments], rows)


def _rest(engine: Engine, names: set[str], wanted: tuple[str, ...] | None) -> Iterator[list[str]]:
    played = [stage for stage in engine.stages if wanted is None or stage in wanted]
    if "way" in names:
        yield from ([stage, way] for stage in played for way in spoilings(engine.name, stage))
    elif "difficulty" in names:
        yield from ([stage, way] for stage in played for way in difficulties(stage))
    elif "stage" in names:
        yield from ([stage] for stage in played)
    elif played:
        yield []


def _marks(runner: str, engine: Engine) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.xdist_group(f"contract of {engine.name} on {runner}")]
    if engine.name != "stub":
        marks += [pytest.mark.slow, pytest.mark.timeout(900)]  # the first test of an engine asks it everything
    if runner != "process":
        marks.append(getattr(pytest.mark, runner))
    return marks


Launch = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract and stub in a folder of their own, as an image holds them; tests may add engines."""
    return lay_code(engines()["stub"], tmp_path_factory.mktemp("code"))


@pytest.fixture
def launch(code: Path) -> Iterator[Launch]:
    """The bare process of an engine, ended at the latest with the test."""
    children: list[subprocess.Popen[bytes]] = []

    def start(name: str, workdir: Path, *flags: str, **pipes: Any) -> subprocess.Popen[bytes]:
        engine = engines().get(name)
        python = str(engine.interpreter) if engine else sys.executable
        command = [python, "-m", "containers.contract", name, str(workdir), *flags]
        children.append(subprocess.Popen(command, cwd=code, **pipes))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()
