"""How near converted speech comes to the voice: `CASES=... python -m tests.bench.conversion_quality [--pairs N]`.

For each pair the cosine of Resemblyzer vectors to the target's mean, before and
after, and the ceiling (the target's own clips, each against the others). JSON
on standard output. Pairs: human to human and Open JTalk to human (real speech
in CASES/speaker_match), and among the demo series' voices.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from containers.contract.item import Item, sha256_of
from containers.contract.stages import ConvertRequest, File, TrainRequest
from containers.light.conversion import convert
from containers.light.demo_script import EPISODES, NAMES, REFERENCES
from containers.light.demo_voices import RATE_HZ, say
from containers.light.japanese import JTALK_RATE_HZ, japanese
from containers.light.training import train

SENTENCE = "今日の試合は、絶対に負けられないんだ。みんな、力を貸してくれ。"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A kind of pair, the source's name and file, and the target's name and clips."""

    kind: str
    source: str
    sound: Path
    target: str
    clips: tuple[Path, ...]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.conversion_quality", description=__doc__)
    parser.add_argument("--pairs", type=int, default=6, help="pairs of each kind")
    options = parser.parse_args(arguments)
    if "CASES" not in os.environ:
        print("CASES must name the folder of real audio", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kinds = (people(Path(os.environ["CASES"]), work), characters(work))
        pairs = [pair for kind in kinds for pair in kind]
        chosen = [pair for pair in pairs if _rank(pair, pairs) < options.pairs]
        rows = [measured(pair, work) for pair in chosen]
    print(json.dumps({"pairs": rows, "means": means(rows)}, indent=1))
    return 0


def _rank(pair: Pair, pairs: Sequence[Pair]) -> int:
    return [each for each in pairs if each.kind == pair.kind].index(pair)


def people(cases: Path, work: Path) -> Iterator[Pair]:
    """Each speaker of speaker_match said by the one after, and by Open JTalk."""
    folder = cases / "speaker_match"
    refs = {each.name: tuple(sorted(each.glob("*.flac"))) for each in sorted((folder / "refs").iterdir())}
    with open(folder / "key.csv", encoding="utf-8") as stream:
        probes = {row["speaker"]: folder / row["file"] for row in reversed(list(csv.DictReader(stream)))}
    names = list(refs)
    base = work / "jtalk.wav"
    soundfile.write(base, np.rint(japanese(SENTENCE)).astype(np.int16), JTALK_RATE_HZ)
    for index, name in enumerate(names):
        other = names[(index + 1) % len(names)]
        yield Pair(kind="human to human", source=other, sound=probes[other], target=name, clips=refs[name])
        yield Pair(kind="Open JTalk to human", source="Open JTalk", sound=base, target=name, clips=refs[name])


def characters(work: Path) -> Iterator[Pair]:
    """Each character of the demo series said by another, learned from the references and two lines more."""
    lines = {name: [each for each in (*REFERENCES, *EPISODES[0]) if each.speaker == name][:5] for name in NAMES}
    paths: dict[str, list[Path]] = {}
    for name, said in lines.items():
        for index, line in enumerate(said):
            path = work / f"{name}_{index}.wav"
            soundfile.write(path, say(line), RATE_HZ, subtype="PCM_16")
            paths.setdefault(name, []).append(path)
    names = list(NAMES)
    for index, name in enumerate(names):
        other = names[(index + 1) % len(names)]
        yield Pair(kind="demo voices", source=other, sound=paths[other][0], target=name, clips=tuple(paths[name]))


class Quiet(Item):
    """An item that keeps its progress lines off standard output, which belongs to the JSON."""

    def progress(self, done: float) -> None:
        pass


def measured(pair: Pair, work: Path) -> dict[str, object]:
    """Train (once a target) and convert."""
    trained = Quiet(work / "train" / pair.target)
    voice = trained.path / "out" / f"{pair.target}.safetensors"
    clips = tuple(_given(trained, path) for path in pair.clips)
    began = time.process_time()
    learned = train(TrainRequest(character=pair.target, clips=clips), trained)
    after_training = time.process_time()
    item = Quiet(work / "convert" / f"{pair.kind} {pair.target}")
    request = ConvertRequest(source=_given(item, pair.sound), voice=(_given(item, voice),))
    began_converting = time.process_time()
    result = convert(request, item)
    return {
        "kind": pair.kind,
        "source": pair.source,
        "target": pair.target,
        "before": result.source_similarity,
        "after": result.similarity,
        "ceiling": learned.scores["similarity_held_out"],
        "learned_seconds": round(learned.seconds, 1),
        "train_cpu_seconds": round(after_training - began, 2),
        "convert_cpu_per_second": round((time.process_time() - began_converting) / result.duration, 3),
    }


def _given(item: Item, path: Path) -> File:
    place = item.path / "in" / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place)
    return File(path=f"in/{path.name}", sha256=sha256_of(place))


def means(rows: Sequence[dict[str, object]]) -> dict[str, dict[str, float]]:
    kinds = dict.fromkeys(str(row["kind"]) for row in rows)
    return {
        kind: {
            name: round(float(np.mean([row[name] for row in rows if row["kind"] == kind])), 3)
            for name in ("before", "after", "ceiling", "convert_cpu_per_second")
        }
        for kind in kinds
    }


if __name__ == "__main__":
    sys.exit(main())
