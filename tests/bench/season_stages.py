"""The stages of the light engine on CASES/season_small, run through the contract; results are kept in a folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from containers.contract import stages
from containers.contract.codec import canonical, decode
from containers.contract.item import sha256_of
from containers.contract.stages import CONTRACT, STAGES, File, Turn
from tasks.domain import EpisodeClip, HeardEpisode, Reference, Vectors

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A stage's result and the folder its files lie in."""

    result: Any
    folder: Path

    def path(self, file: File) -> Path:
        return self.folder / file.path


class Workshop:
    """Runs items in one start of the engine; an item that has its result already is not run again."""

    def __init__(self, folder: Path, engine: str = "light") -> None:
        self.folder, self.engine = folder, engine

    def run(self, stage: str, asked: Mapping[str, tuple[Any, Mapping[str, Path]]]) -> dict[str, Answer]:
        """`asked`: name -> request and its input files (path in the request -> file)."""
        answers, texts = {}, {}
        for name, (request, _) in asked.items():
            texts[name] = canonical({"contract": CONTRACT, "stage": stage, "request": request})
        work = {name: f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:12]}" for name, text in texts.items()}
        for name, (_, inputs) in asked.items():
            item = self.folder / stage / "items" / work[name]
            if not (item / "result.json").exists():
                (item / "in").mkdir(parents=True, exist_ok=True)
                (item / "request.json").write_text(texts[name], "utf-8")
                (item / "error.json").unlink(missing_ok=True)
                for path, source in inputs.items():
                    if not (item / path).exists():
                        os.symlink(source.resolve(), item / path)
        command = [sys.executable, "-m", "containers.contract", self.engine, str(self.folder / stage)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        for name, item_name in work.items():
            item = self.folder / stage / "items" / item_name
            if not (item / "result.json").exists():
                raise SystemExit(f"{stage} of {name}: {(item / 'error.json').read_text('utf-8')}")
            result = json.loads((item / "result.json").read_text("utf-8"))["result"]
            answers[name] = Answer(result=decode(STAGES[stage].result, result), folder=item)
        return answers


def sent(name: str, path: Path) -> File:
    return File(path=f"in/{name}", sha256=sha256_of(path))


def vectors_of(answer: Answer) -> tuple[str, Vectors]:
    """Model and vectors of an embed stage's answer."""
    said = json.loads(answer.path(answer.result.vectors).read_text("utf-8"))
    flat = np.frombuffer(base64.b64decode(said["vectors"]), "<f4").astype(np.float32)
    return said["model"], flat.reshape(-1, said["dimension"])


def separated(workshop: Workshop, videos: Mapping[str, Path]) -> dict[str, Answer]:
    recordings = workshop.run(
        "extract", {n: (stages.ExtractRequest(video=sent("video", p)), {"in/video": p}) for n, p in videos.items()}
    )
    paths = {name: each.path(each.result.recording) for name, each in recordings.items()}
    name = "recording.flac"
    return workshop.run(
        "separate", {n: (stages.SeparateRequest(recording=sent(name, p)), {f"in/{name}": p}) for n, p in paths.items()}
    )


def diarized(
    workshop: Workshop, vocals: Mapping[str, Path], counts: Mapping[str, int] | None = None
) -> dict[str, Answer]:
    """`counts`: number of speakers of an episode, where it is told."""
    return workshop.run(
        "diarize",
        {
            n: (
                stages.DiarizeRequest(vocals=sent("vocals.flac", p), speakers=(counts or {}).get(n)),
                {"in/vocals.flac": p},
            )
            for n, p in vocals.items()
        },
    )


def heard(
    workshop: Workshop, stems: Mapping[str, tuple[Path, Path]], who: Mapping[str, stages.DiarizeResult]
) -> tuple[HeardEpisode, ...]:
    """Cut and embed: `stems`: vocals and background of each episode."""
    cuts = workshop.run(
        "cut",
        {
            name: (
                stages.CutRequest(
                    vocals=sent("vocals.flac", vocals),
                    background=sent("background.flac", background),
                    turns=who[name].exclusive,
                    overlap=who[name].overlap,
                ),
                {"in/vocals.flac": vocals, "in/background.flac": background},
            )
            for name, (vocals, background) in stems.items()
        },
    )
    clips = {name: answer.result.clips for name, answer in cuts.items()}
    spans = {name: tuple(Turn(start=c.start, end=c.end, speaker=c.speaker) for c in clips[name]) for name in clips}
    voices = embedded(workshop, {name: vocals for name, (vocals, _) in stems.items()}, spans)
    return tuple(_episode(name, clips[name], voices[name], who[name]) for name in stems)


def _episode(name: str, clips: Sequence[stages.Clip], voices: Answer, who: stages.DiarizeResult) -> HeardEpisode:
    model, vectors = vectors_of(voices)
    return HeardEpisode(
        episode=name,
        clips=tuple(
            EpisodeClip(
                id=f"{name}/{round(clip.start * 1000):08d}",
                episode=name,
                start=clip.start,
                end=clip.end,
                speaker=clip.speaker,
                sha256=clip.file.sha256,
                consistency=consistency,
                measurements=clip.measurements,
            )
            for clip, consistency in zip(clips, voices.result.consistency, strict=True)
        ),
        model=model,
        vectors=vectors,
        overlap=who.overlap,
        turns=who.turns,
    )


def embedded(
    workshop: Workshop, files: Mapping[str, Path], turns: Mapping[str, tuple[Turn, ...]] | None = None
) -> dict[str, Answer]:
    return workshop.run(
        "embed",
        {
            name: (
                stages.EmbedRequest(vocals=sent(f"vocals{path.suffix}", path), turns=turns[name] if turns else None),
                {f"in/vocals{path.suffix}": path},
            )
            for name, path in files.items()
        },
    )


def references(workshop: Workshop, folder: Path) -> tuple[Reference, ...]:
    """References of a folder that holds one folder a character."""
    files = {f"{path.parent.name}/{path.stem}": path for path in sorted(folder.glob("*/*.flac"))}
    found = []
    for name, answer in embedded(workshop, files).items():
        model, vectors = vectors_of(answer)
        found.append(Reference(character=name.split("/")[0], model=model, vectors=vectors))
    return tuple(found)
