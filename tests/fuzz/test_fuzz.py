"""Damaged files of every kind the house reads are read or refused in words; `make test-fuzz` tries many more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from containers.contract.errors import RequestError
from containers.light.media import ffmpeg
from tests.fuzz.media import fuzz_media, make_whole
from tests.fuzz.mutations import BINARY, TEXT, damaged
from tests.fuzz.texts import Target, fuzz, targets

SEED, CASES, MEDIA = 20261126, 25, 9


@pytest.mark.filterwarnings("ignore")
def test_damaged_texts_and_tars_are_read_or_refused_in_words(tmp_path: Path) -> None:
    for target in targets(tmp_path):
        counts, failures = fuzz(target, tmp_path, CASES, SEED)
        assert failures == []
        assert counts.read + counts.refused == CASES


def test_damaged_media_stop_neither_the_engine_nor_their_neighbours(tmp_path: Path) -> None:
    whole = make_whole(tmp_path, str(ffmpeg()))
    assert {"mkv", "mp4", "wav", "flac"} <= set(whole)
    counts, failures = fuzz_media(tmp_path, whole, MEDIA, SEED)
    assert failures == []
    assert counts.read + counts.refused == 2 * MEDIA


def test_a_reader_that_fails_without_words_is_found(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        path.read_text("utf-8")
        raise RequestError("no")

    target = Target(name="bad", whole=("円堂".encode() * 9,), ending=".txt", read=read, refusals=(RequestError,))
    counts, failures = fuzz(target, tmp_path, CASES, SEED)
    assert counts.failed > 0
    assert any("UnicodeDecodeError" in each for each in failures)
    assert any("says only 'no'" in each for each in failures)


def test_the_same_seed_damages_a_file_in_the_same_way() -> None:
    for ways in (BINARY, TEXT):
        first, second = (damaged(random.Random(7), b"0123456789" * 50, ways) for _ in range(2))
        assert first == second != b"0123456789" * 50
