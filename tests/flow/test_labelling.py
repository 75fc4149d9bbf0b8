"""Labelling over a whole series: a sample teaches the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from typer.testing import CliRunner

from containers.stub import people
from flows.cli.main import app
from tasks.domain import NOBODY
from tasks.episodes.prepared import heard_episode
from tasks.labelling.decisions import decide
from tasks.labelling.labels import record
from tasks.opening import open_series
from tasks.speakers.casting import cast_of
from tasks.studio import Studio
from tests.flow.conftest import Scripted

pytestmark = [pytest.mark.prefect, pytest.mark.proof, pytest.mark.xdist_group("prefect")]

ANNA_BEN = {"A": "anna", "B": "ben"}


def voicecast(*arguments: object) -> None:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output


def person_of(studio: Studio, clips: Sequence[str]) -> str:
    """Which scripted person most of the clips are."""
    named = {person: np.array(people.vector(person, "truth")) for person in "ABC"}
    votes = []
    for episode in sorted({clip.partition("/")[0] for clip in clips}):
        heard = heard_episode(studio.store, studio.home, episode)
        for clip, vector in zip(heard.clips, heard.vectors, strict=True):
            if clip.id in clips:
                votes.append(max(named, key=lambda person: float(named[person] @ vector)))
    return max(set(votes), key=votes.count)


def test_a_labelled_sample_is_enough_for_a_season_without_a_question(scripted: Scripted) -> None:
    scripted.write({"anna": "", "ben": ""})
    for number in range(1, 5):
        scripted.episode(number)
    at = ("--config", scripted.config, "--store", scripted.store)
    voicecast("prepare", *at, "--sample", 2)
    studio = open_series(scripted.config, str(scripted.store))
    speakers = [each for each in cast_of(studio).speakers if each.clips]
    assert len({episode for each in speakers for episode in each.episodes}) == 2
    truly = {each.id: ANNA_BEN.get(person_of(studio, each.clips), NOBODY) for each in speakers}
    assert set(truly.values()) == {"anna", "ben", NOBODY}
    record(studio.store, "toy", decide("mika", "cli", truly))

    voicecast("season", *at, "--labels", "auto")
    assert scripted.keys("voices/*/current.json") == ["voices/anna/current.json", "voices/ben/current.json"]
    for person, slug in ANNA_BEN.items():
        manifest = (scripted.store / f"series/toy/characters/{slug}/manifest.jsonl").read_text()
        kept = [row["clip"] for row in map(json.loads, manifest.splitlines()) if row["verdict"] == "kept"]
        assert {clip.partition("/")[0] for clip in kept} == {"s01e01", "s01e02", "s01e03", "s01e04"}
        assert {person_of(studio, [clip]) for clip in kept} == {person}
