"""What of an episode was pruned, made again from its video when something needs it, and not before.

Whoever needs only what a recording or a stem was made of (its hash) is given that; an engine that has to read it
gets it back first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from containers.contract.stages import ExtractResult, SeparateResult
from infra.store import StoreError, find_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import separating
from tasks.episodes.earlier import Earlier
from tasks.episodes.episodes import list_episodes
from tasks.series import SeriesError
from tasks.studio import Made, Order, Stored, Studio, files_of_record

R = TypeVar("R")


class MadeOtherwise(StoreError):
    """What was made again from a video is not, byte for byte, what it was; the episode is prepared anew."""


def recording_of(studio: Studio, episode: Episode) -> Made[ExtractResult]:
    """An episode's recording, which may be gone; made if it never was."""
    order = orders.extract(studio, episode)
    return studio.known(order) or studio.make(order)


def stems_of(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier | None = None
) -> Made[SeparateResult]:
    """An episode's stems, which may be gone; made if they never were. `earlier`: as in make_stems."""
    found = separating.find_stems(studio, episode, extracted)
    if found:
        return found
    with studio.in_use(episode.key):
        _bring_back(studio, episode, _lost(studio, extracted.files.values()))
        return separating.make_stems(studio, episode, extracted, earlier)


def make(studio: Studio, order: Order[R], episode: Episode | str) -> Made[R]:
    """`studio.make` for what reads an episode's recording or stems. MadeOtherwise if they did not come back as they
    were; StoreError where the video (looked for by the episode's key) is not at hand."""
    found = studio.find(order)
    if found:
        return found
    with studio.in_use(episode if isinstance(episode, str) else episode.key):
        lost = _lost(studio, (each for each in order.inputs.values() if isinstance(each, Stored)))
        if lost:
            _bring_back(studio, _at_hand(studio, episode), lost)
        return studio.make(order)


def bring_back(studio: Studio, episode: Episode) -> int:
    """Make again all that was pruned of a prepared episode; the number of files that came back."""
    with studio.in_use(episode.key):
        vocals, background = stems_recorded(studio, episode.key)
        lost = _lost(studio, (*recording_of(studio, episode).files.values(), vocals, background))
        _bring_back(studio, episode, lost)
        return len(lost)


def stems_recorded(studio: Studio, key: str) -> tuple[Stored, Stored]:
    """Vocals and background of a prepared episode by its records; they may be gone. LookupError without a record."""
    folder = f"{studio.home}/episodes/{key}"
    record = find_json(studio.store, stems_record(studio, folder))
    if record is None:
        raise LookupError(f"{folder} has no record of stems; run: voicecast repair")
    files = files_of_record(record)
    return files["out/vocals.flac"], files["out/background.flac"]


def stems_record(studio: Studio, folder: str) -> str:
    """The key of the record that has the stems of the whole recording, in an episode's folder."""
    restored = f"{folder}/stages/restore.json"
    return restored if studio.store.size(restored) is not None else f"{folder}/stages/separate.json"


def _lost(studio: Studio, files: Iterable[Stored]) -> list[Stored]:
    return [each for each in files if studio.store.size(each.key) is None]


def _bring_back(studio: Studio, episode: Episode, lost: list[Stored]) -> None:
    """Make what is lost again; a recording that only had to be there for that goes again."""
    if not lost:
        return
    extract = orders.extract(studio, episode)
    was_gone = (known := studio.known(extract)) is not None and bool(known.gone)
    extracted = studio.make(extract)
    files = dict(extracted.files)
    if any(each.key != _key(extracted) for each in lost):
        files |= separating.make_stems(studio, episode, extracted).files
        if was_gone and not any(each.key == _key(extracted) for each in lost):
            studio.release(extract.record_key, {extracted.result.recording.path})
    now = {each.key: each.sha256 for each in files.values()}
    if any(now.get(each.key, each.sha256) != each.sha256 for each in lost):
        raise MadeOtherwise(
            f"{episode.key} was made again from its video and is not what it was: its engine does not give the same "
            "bytes twice, or its video is another. Run voicecast prepare, which makes anew what stands on it, and "
            "then this again"
        )


def _key(extracted: Made[ExtractResult]) -> str:
    return extracted.stored(extracted.result.recording).key


def _at_hand(studio: Studio, episode: Episode | str) -> Episode:
    if isinstance(episode, Episode):
        return episode
    try:
        found = [each for each in list_episodes(studio.series, studio.store) if each.key == episode]
    except SeriesError:
        found = []
    if not found:
        raise StoreError(
            f"what is needed of {episode} was pruned (`keep:` of the series file), and its video, from which it is "
            "made again, is not at hand: bring it back, and run this again"
        )
    return found[0]
