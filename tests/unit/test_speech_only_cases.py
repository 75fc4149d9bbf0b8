"""No true turn is lost where only speech is separated: real people, in meetings, on the telephone, under music."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from containers.contract.stages import Segment
from containers.light.detection import detected
from containers.light.speech import WINDOW_SECONDS
from tasks.episodes.separating import Rule, speech_segments
from tests.bench import sparse_season
from tests.bench.speech_only import LEAST, SHORT, Silent, said_in
from tests.bench.truth import truth

if not os.environ.get("CASES"):
    pytest.skip("CASES names no folder", allow_module_level=True)

CASES = Path(os.environ["CASES"])
SPOKEN = sorted(path for path in (CASES / "diarization_real").rglob("*.flac") if path.with_suffix(".rttm").exists())
pytestmark = pytest.mark.cases


def segments_of(path: Path) -> tuple[Segment, ...]:
    duration = soundfile.info(path).duration
    return speech_segments(detected(path, Silent(path)), WINDOW_SECONDS, duration, Rule(worth=0.0)) or ()


def short(turns: Sequence[tuple[float, float, str]], segments: Sequence[Segment]) -> list[tuple[float, float, str]]:
    """Turns of 0.5 s and more of which more than 0.1 s would not be separated."""
    return [
        (start, end, who)
        for start, end, who in turns
        if end - start >= LEAST
        and end - start - sum(max(0.0, min(end, e.end) - max(start, e.start)) for e in segments) > SHORT
    ]


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_no_turn_of_a_meeting_or_a_call_is_missed_or_cut(path: Path) -> None:
    assert short(said_in(path.with_suffix(".rttm")), segments_of(path)) == []


def test_no_turn_under_music_is_missed_or_cut_and_a_fourth_is_left_out(tmp_path: Path) -> None:
    seconds = separated = 0.0
    for episode, path in sparse_season.make(CASES / "season_small", tmp_path).items():
        segments = segments_of(path)
        assert short(truth(tmp_path, episode)[0], segments) == []
        seconds += soundfile.info(path).duration
        separated += sum(each.end - each.start for each in segments)
    assert separated < 0.75 * seconds
