"""The assets of a series in the store: surveyed stems in; lists of cues and effects out, and their sound on demand.

The deciding is in `assets`; here it meets files. Nothing of this is made by a
season unasked.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import numpy as np

from containers.contract.codec import decode, encode
from containers.contract.stages import Turn
from infra.store import read_json, write_json
from tasks import orders
from tasks.episodes import again, assets
from tasks.episodes.assets import Cue, Effect
from tasks.episodes.prepared import Prepared
from tasks.studio import Stored, Studio


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where an asset's sound lies in the store: FLAC, MP3 and the picture of its spectrogram."""

    sound: str
    player: str
    picture: str


@dataclass(frozen=True, kw_only=True)
class EpisodeAssets:
    """What an episode's background holds. `background`: the whole stem. `files`: by id, once they were exported."""

    episode: str
    duration: float
    background: Stored
    engines: dict[str, str]
    cues: tuple[Cue, ...]
    effects: tuple[Effect, ...]
    files: dict[str, Files] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Cue | Effect, ...]:
        return (*self.cues, *self.effects)


def list_assets(studio: Studio, prepared: Prepared) -> EpisodeAssets:
    """Survey an episode, unless it is done, and write `assets/KEY.json`; StageError as the engine raises it."""
    home = f"{studio.home}/episodes/{prepared.episode}"
    vocals, background = again.stems_recorded(studio, prepared.episode)
    surveyed = again.make(studio, orders.survey(studio, prepared.episode, vocals, background), prepared.episode)
    levels = np.load(io.BytesIO(studio.store.read(surveyed.stored(surveyed.result.levels).key)), allow_pickle=False)
    turns = [decode(Turn, each) for each in read_json(studio.store, f"{home}/turns.json")["turns"]]
    columns, hop = assets.survey_columns(levels), surveyed.result.hop
    cues = assets.find_cues(columns, hop, turns)
    found = EpisodeAssets(
        episode=prepared.episode,
        duration=prepared.duration,
        background=background,
        engines={stage: prepared.engines[stage] for stage in ("separate", "diarize")} | {"survey": surveyed.engine},
        cues=tuple(cues),
        effects=tuple(assets.find_effects(columns, hop, turns, cues)),
    )
    known = load_assets(studio, prepared.episode)
    if known is not None and encode(known) | {"files": {}} == encode(found):
        return known
    write_json(studio.store, _key(studio, prepared.episode), found)
    return found


def export_assets(studio: Studio, found: EpisodeAssets) -> EpisodeAssets:
    """Cut every cue and effect of an episode out of its background as FLAC, below `assets/KEY/`."""
    if not found.all:
        return found
    spans = tuple((each.start, min(each.end, found.duration)) for each in found.all)
    made = again.make(studio, orders.excerpts(studio, found.episode, found.background, spans), found.episode)
    files: dict[str, Files] = {}
    for each, preview in zip(found.all, made.result.previews, strict=True):
        if preview.sound is None:
            raise LookupError(f"{made.engine} gave no sound of {each.id}; name another engine for preview")
        sound, player, picture = (made.stored(file).key for file in (preview.sound, preview.player, preview.picture))
        files[each.id] = Files(sound=sound, player=player, picture=picture)
    exported = replace(found, files=files)
    write_json(studio.store, _key(studio, found.episode), exported)
    return exported


def load_assets(studio: Studio, episode: str) -> EpisodeAssets | None:
    """An episode's assets as listed before."""
    key = _key(studio, episode)
    return decode(EpisodeAssets, read_json(studio.store, key), key) if studio.store.size(key) is not None else None


def _key(studio: Studio, episode: str) -> str:
    return f"{studio.home}/assets/{episode}.json"
