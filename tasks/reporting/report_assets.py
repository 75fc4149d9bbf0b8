"""The page of music and effects: what the background of the episodes holds, to browse and to hear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tasks.episodes.asset_library import EpisodeAssets, load_assets
from tasks.episodes.assets import Cue, Effect
from tasks.episodes.prepared import Prepared
from tasks.orders import Shown
from tasks.reporting.report import Sound
from tasks.reporting.report_media import Media
from tasks.studio import Studio

CUES_HEARD, EFFECTS_HEARD = 24, 48
LONGEST_HEARD = 60.0
"""Seconds of a cue that its player holds."""


@dataclass(frozen=True, kw_only=True)
class AssetReport:
    """A cue or an effect to hear; `start` and `end` are the asset's, `note` says what the player holds of it."""

    id: str
    episode: str
    start: float
    end: float
    sound: Sound
    facts: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class AssetsPage:
    """All that the page says; `episodes` are the lists, whole."""

    series: str
    title: str
    made: datetime
    language: str
    synthetic_note: str | None = None
    cues: tuple[AssetReport, ...] = ()
    effects: tuple[AssetReport, ...] = ()
    episodes: tuple[EpisodeAssets, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)


def assets_page(studio: Studio, media: Media, prepared: Sequence[Prepared], note: str | None) -> AssetsPage | None:
    """The page of all episodes whose assets were listed; None if none were."""
    found = tuple(known for each in prepared if (known := load_assets(studio, each.episode)))
    if not found:
        return None
    cues = [(each, cue) for each in found for cue in each.cues]
    effects = [(each, effect) for each in found for effect in each.effects]
    cues.sort(key=lambda pair: (-_clearest(pair[1])[1], -pair[1].duration))
    effects.sort(key=lambda pair: (pair[1].over_dialogue, -pair[1].stands_out_db))
    return AssetsPage(
        series=studio.series.series,
        title=studio.series.title or studio.series.series,
        made=datetime.now(UTC),
        language=studio.series.language,
        synthetic_note=note,
        cues=tuple(_heard(media, cues[:CUES_HEARD])),
        effects=tuple(_heard(media, effects[:EFFECTS_HEARD])),
        episodes=found,
        engines=found[0].engines,
    )


def _clearest(cue: Cue) -> tuple[float, float]:
    """Start and seconds of the longest stretch of a cue in which nobody speaks; the cue's own start and 0 if none."""
    longest = max(cue.clear, key=lambda each: each.end - each.start, default=None)
    return (longest.start, longest.end - longest.start) if longest else (cue.start, 0.0)


def _heard(media: Media, chosen: Sequence[tuple[EpisodeAssets, Cue | Effect]]) -> Iterable[AssetReport]:
    """In order of the chosen; the sounds of an episode are made together."""
    sounds: dict[tuple[str, str], Sound] = {}
    for home in {each.episode: each for each, _ in chosen}.values():
        own = [asset for each, asset in chosen if each.episode == home.episode]
        shown = [Shown(file=home.background, start=start, end=end) for start, end in map(_excerpt, own)]
        made = media.sounds(f"assets of {home.episode}", shown)
        sounds |= {(home.episode, asset.id): sound for asset, sound in zip(own, made, strict=True) if sound}
    for home, asset in chosen:
        if sound := sounds.get((home.episode, asset.id)):
            yield AssetReport(
                id=asset.id,
                episode=home.episode,
                start=asset.start,
                end=asset.end,
                sound=sound,
                facts=facts_of(asset),
                note=_note(asset),
            )


def _excerpt(asset: Cue | Effect) -> tuple[float, float]:
    if isinstance(asset, Effect):
        return max(0.0, asset.start - 0.1), asset.end
    start, clear = _clearest(asset)
    return start, min(start + LONGEST_HEARD, start + clear if clear else asset.end)


def _note(asset: Cue | Effect) -> str:
    if isinstance(asset, Effect):
        return ""
    start, end = _excerpt(asset)
    if end - start >= asset.duration - 0.1:
        return ""
    return "its longest stretch without dialogue" if asset.clear else f"its first {end - start:.0f} s"


def facts_of(asset: Cue | Effect) -> dict[str, str]:
    """What a person wants to know, in words and units."""
    facts = {"Loudness": f"{asset.loudness_lufs:.0f} LUFS".replace("-", "\N{MINUS SIGN}")}
    if isinstance(asset, Effect):
        facts["Stands out"] = f"{asset.stands_out_db:.0f} dB"
        over = [name for name, there in (("dialogue", asset.over_dialogue), ("music", asset.over_music)) if there]
        return facts | ({"Over": " and ".join(over)} if over else {})
    clear = sum(each.end - each.start for each in asset.clear)
    return facts | {"Without dialogue": f"{clear:.0f} s"}
