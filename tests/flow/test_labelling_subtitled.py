"""What the subtitles and the cast list of a real video say about who speaks, on the light engine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from containers.light import demo_script, demo_series
from containers.light.media import ffmpeg
from flows.cli.main import app
from tasks.labelling.decisions import decide
from tasks.labelling.labels import record
from tasks.opening import open_series
from tasks.speakers.casting import cast_of

pytestmark = [pytest.mark.prefect, pytest.mark.proof, pytest.mark.timeout(900), pytest.mark.xdist_group("prefect")]


def voicecast(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    return done.output


HEAD = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20
Style: OP-Karaoke,Arial,20
Style: Signs,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
UNSPOKEN = {"OP-Karaoke": "歌の言葉", "Signs": "看板の文字"}


def ass(turns: Sequence[dict[str, Any]]) -> str:
    """Each line with its speaker's name; at the same time a song and a sign in the name of the next speaker."""
    lines = []
    for turn, other in pairwise([*turns, turns[0]]):
        said = {"Default": (turn["speaker"], turn["text"])}
        said |= {style: (other["speaker"], text) for style, text in UNSPOKEN.items()}
        for style, (speaker, text) in said.items():
            name = demo_script.NAMES.get(speaker, speaker)
            lines.append(f"Dialogue: 0,{clock(turn['start'])},{clock(turn['end'])},{style},{name},0,0,0,,{text}\n")
    return HEAD + "".join(lines)


def clock(seconds: float) -> str:
    return f"0:{int(seconds // 60):02d}:{seconds % 60:05.2f}"


def test_names_and_words_of_a_videos_own_subtitles_reach_the_cast_and_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On light. One character has no reference: the voice alone could not name him, the subtitles do."""
    assert demo_series.main([str(tmp_path), "--episodes", "1", "--seconds", "30"]) == 0
    turns = json.loads((tmp_path / "truth" / "s01e01.json").read_text("utf-8"))["turns"]
    unknown = turns[0]["speaker"]
    (video,) = (tmp_path / "episodes").glob("*.mkv")
    (tmp_path / "new.ass").write_text(ass(turns), "utf-8")
    command = [ffmpeg(), "-v", "error", "-i", video, "-i", tmp_path / "new.ass", "-map", "0:v", "-map", "0:a"]
    command += ["-map", "1", "-c", "copy", "-metadata:s:s:0", "language=jpn", tmp_path / "new.mkv"]
    subprocess.run([str(each) for each in command], check=True)
    (tmp_path / "new.mkv").replace(video)
    config = tmp_path / "series.yaml"
    said = re.sub(rf"    references: references/{unknown}/.*\n", "", config.read_text("utf-8"))
    here = ", ".join(sorted({demo_script.NAMES[turn["speaker"]] for turn in turns}))
    config.write_text(said + f"casts: {{s01e01: [{here}]}}\ntargets: {{min_minutes: 0.05}}\n", "utf-8")
    at = ("--config", config, "--store", tmp_path / "store")
    assert "Next: voicecast label" in voicecast("prepare", *at)

    studio = open_series(config, str(tmp_path / "store"))
    cast = cast_of(studio)
    truly = {each.id: whose(turns, each.clips) for each in cast.speakers if each.clips}
    named = {each.speaker: each.named for each in cast.suggestions if each.named}
    assert named
    assert named == {speaker: truly[speaker] for speaker in named}
    asked = [each for each in cast.suggestions if each.character == unknown]
    assert asked
    assert {(each.band, truly[each.speaker]) for each in asked} == {("ask", unknown)}

    record(studio.store, studio.series.series, decide("mika", "cli", truly))
    voicecast("dataset", *at, "--labels", "auto")
    manifests = (tmp_path / "store" / "series" / studio.series.series / "characters").glob("*/manifest.jsonl")
    texts = {row["text"] for path in manifests for row in map(json.loads, path.read_text("utf-8").splitlines())}
    spoken = [turn["text"] for turn in turns]
    assert texts - {None}
    assert all(any(line in text for line in spoken) for text in texts - {None})
    assert not [text for text in texts - {None} if any(wrong in text for wrong in UNSPOKEN.values())]


def whose(turns: Sequence[dict[str, Any]], clips: Sequence[str]) -> str:
    """Who says most of these clips, by where they begin."""
    said = []
    for clip in clips:
        at = int(clip.rpartition("/")[2]) / 1000 + 0.3
        said.append(min(turns, key=lambda turn: max(turn["start"] - at, at - turn["end"], 0.0))["speaker"])
    return str(max(set(said), key=said.count))
