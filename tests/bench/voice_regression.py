"""Whether a change made light's voices worse: `python -m tests.bench.voice_regression [--only NAME] [--write]`.

Characters of the demo series get voices of five and of nine lines; each is auditioned as a user would (`voicecast
audition`): held-out references and texts, said, embedded and measured. The figures are compared with
`voice_regression.json`, which `--write` writes. Exit code 1 where one is worse than its tolerance allows.
`--only`: the voices of one character, compared with theirs. `--keep DIR`: leave store and page there.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import soundfile

from containers.light.demo_script import EPISODES, NAMES, REFERENCES
from containers.light.demo_voices import RATE_HZ, say
from infra.dispatch import Dispatcher
from infra.runners.process import ProcessRunner
from infra.store import LocalStore
from tasks import orders, voices
from tasks.auditions.audition import REAL, Audition, scores_of
from tasks.auditions.audition_making import Wanted, hold
from tasks.clips.data_sets import DataSet
from tasks.series import Series
from tasks.studio import Stored, Studio

BASELINE = Path(__file__).with_suffix(".json")
VOICES = {"haruto": (5, 9), "mio": (5,)}
"""Character -> how many lines each of its voices learns from."""
TEXTS = ("風を読む者だけが、最後に笑うんだ。", "どうして黙っていたの。ちゃんと話してよ。")
RIGHTS = {"basis": "a made voice", "by": "the bench", "date": "2026-11-26"}
TOLERANCES = {
    "similarity": -0.01,
    "f0_error_cents": 3.0,
    "octave_errors": 0.005,
    "voicing_errors": 0.02,
    "characters_wrong": 0.05,
    "clipped_share": 0.0005,
    "longer_seconds": 0.001,
}
"""By how much a figure may be worse: less of what is good (below 0), more of what is bad."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.voice_regression", description=__doc__)
    parser.add_argument("--only", choices=tuple(VOICES), help="only the voices of this character")
    parser.add_argument("--write", action="store_true", help="take the figures as the new baseline")
    parser.add_argument("--keep", type=Path, help="folder for the store")
    options = parser.parse_args(arguments)
    chosen = {options.only: VOICES[options.only]} if options.only else VOICES
    with nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), chosen)
    baseline = json.loads(BASELINE.read_text("utf-8"))
    if options.write:
        baseline |= found["figures"]
        BASELINE.write_text(json.dumps(baseline, indent=1) + "\n", "utf-8")
    worse = worsened({name: baseline[name] for name in voices_of(chosen)}, found["figures"])
    print(json.dumps({**found, "worse": worse}, indent=1, ensure_ascii=False))
    return 1 if worse else 0


def worsened(before: dict[str, dict[str, float | None]], now: dict[str, dict[str, float | None]]) -> list[str]:
    """Every figure that is worse than its tolerance allows, or is not there any more, in words."""
    told = []
    for voice, figures in before.items():
        for name, old in figures.items():
            new, tolerance = now.get(voice, {}).get(name), TOLERANCES[name]
            if old is None:
                continue
            if new is None:
                told.append(f"{voice}: {name} is not measured any more (it was {old})")
            elif (new - old) / tolerance > 1:
                told.append(f"{voice}: {name} {old} -> {new}, tolerance {tolerance}")
    return told


def voices_of(counts: dict[str, tuple[int, ...]]) -> list[str]:
    """Their names in the baseline."""
    return [f"{character}, {count} lines" for character, each in counts.items() for count in each]


def measured(folder: Path, chosen: dict[str, tuple[int, ...]] = VOICES) -> dict[str, Any]:
    """Figures of each voice, by character and number of clips, and of the recordings themselves."""
    began = time.process_time()
    studio = studio_in(folder)
    figures: dict[str, dict[str, float | None]] = {}
    recordings: dict[str, float | None] = {}
    for character, counts in chosen.items():
        sizes = {trained(studio, character, count): count for count in counts}
        audition = hold(studio, character, Wanted(texts=TEXTS, own=2))
        for score in scores_of(audition):
            if score.contestant == REAL:
                recordings[character] = score.similarity
            else:
                name = f"{character}, {sizes[score.contestant]} lines"
                figures[name] = {each: getattr(score, each) for each in TOLERANCES}
        _no_failures(audition)
    return {
        "figures": dict(sorted(figures.items())),
        "similarity_of_recordings": recordings,
        "engine": audition.contestants[-1].engine,
        "cpu_seconds_of_the_house": round(time.process_time() - began, 1),
    }


def _no_failures(audition: Audition) -> None:
    missing = [each.missing for each in audition.samples if each.missing]
    if missing:
        raise SystemExit("\n".join(map(str, missing)))


def studio_in(folder: Path) -> Studio:
    """A series of the demo's characters, on light, with references that nothing is trained on."""
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    characters = {}
    for name in VOICES:
        for index, line in enumerate(each for each in REFERENCES if each.speaker == name):
            soundfile.write(folder / "refs" / f"{name}_{index}.flac", say(line), RATE_HZ, subtype="PCM_16")
        characters[name] = {"name": NAMES[name], "references": f"refs/{name}_*.flac", "rights": RIGHTS}
    series = Series.model_validate(
        {"series": "audition", "episodes": "*.mkv", "language": "ja", "characters": characters, "folder": folder}
    )
    store = LocalStore(folder / "store")
    runners = {"process": ProcessRunner(store.work)}
    dispatcher = Dispatcher(store.work, runners, lambda _: nullcontext(()), lambda _: None)
    return Studio(series=series, store=store, dispatcher=dispatcher)


def trained(studio: Studio, character: str, count: int) -> str:
    """The version of a voice of so many lines; as a season would have made it of its data set."""
    lines = [each for episode in EPISODES for each in episode if each.speaker == character][:count]
    clips, seconds = [], 0.0
    for index, line in enumerate(lines):
        samples = say(line)
        wav = io.BytesIO()
        soundfile.write(wav, samples, RATE_HZ, subtype="PCM_16", format="WAV")
        key = f"{studio.home}/characters/{character}/clips/s01e01-{index:08d}.wav"
        studio.store.write(key, wav.getvalue())
        clips.append(Stored(key=key, sha256=hashlib.sha256(wav.getvalue()).hexdigest()))
        seconds += len(samples) / RATE_HZ
    made = studio.make(orders.train(studio, character, tuple(clips)))
    data = DataSet(character=character, identity="", minutes=seconds / 60, clips=count, dropped={}, files={})
    return voices.register(studio, character, data, made).version


if __name__ == "__main__":
    sys.exit(main())
