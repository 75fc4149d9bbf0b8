"""The archive of a series: every opening, ending and eyecatch once, as it sounds in an episode.

They are left out of the data sets; here they are kept, losslessly, of the
occurrence whose length is the middle one. Cut by the stage `preview`, so only what
is new or changed starts an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.store import read_json, write_json
from tasks import orders
from tasks.episodes import again
from tasks.episodes.recurring import RecurringGroup, RecurringSegment
from tasks.episodes.recurring_files import load_recurring
from tasks.studio import Studio, files_of_record

KEPT = ("opening", "ending", "eyecatch")


@dataclass(frozen=True, kw_only=True)
class Archived:
    """A recurring sound that is kept; `name`: opening, opening-2 ...; `group`: its id in recurring.json.

    `start`, `end`: seconds of the episode it was taken from; `episodes`: where it occurs. Keys of its files.
    """

    name: str
    group: str
    episode: str
    start: float
    end: float
    episodes: tuple[str, ...]
    sound: str
    player: str
    picture: str
    engine: str


def keep_archive(studio: Studio) -> tuple[Archived, ...]:
    """Cut out what is not in the archive yet, remove what recurs no more, and write `archive/archive.json`."""
    known = load_recurring(studio)
    folder = f"{studio.home}/archive"
    with studio.store.locked(folder):
        kept = tuple(_kept(studio, name, group) for name, group in named_groups(known.groups if known else ()))
        wanted = {f"{folder}/archive.json"} | {key for each in kept for key in (each.sound, each.player, each.picture)}
        wanted |= {f"{folder}/stages/{each.name}{ending}" for each in kept for ending in (".json", ".run.json")}
        for key in list(studio.store.keys(f"{folder}/")):
            if key not in wanted:
                studio.store.delete(key)
        if kept or studio.store.size(f"{folder}/archive.json") is not None:
            write_json(studio.store, f"{folder}/archive.json", kept)
    return kept


def named_groups(groups: Sequence[RecurringGroup]) -> Iterator[tuple[str, RecurringGroup]]:
    """What is kept, each under a name of its own: the second opening is `opening-2`."""
    count = dict.fromkeys(KEPT, 0)
    for group in groups:
        if group.name in count:
            count[group.name] += 1
            yield group.name if count[group.name] == 1 else f"{group.name}-{count[group.name]}", group


def typical(segments: Sequence[RecurringSegment]) -> RecurringSegment:
    """The occurrence of the middle length: where one is cut short, or goes on in what else recurs, it is another."""
    ordered = sorted(segments, key=lambda each: each.end - each.start)
    return ordered[len(ordered) // 2]


def _kept(studio: Studio, name: str, group: RecurringGroup) -> Archived:
    chosen = typical(group.segments)
    extracted = read_json(studio.store, f"{studio.home}/episodes/{chosen.episode}/stages/extract.json")
    end = min(chosen.end, extracted["result"]["duration"])
    recording = files_of_record(extracted)[extracted["result"]["recording"]["path"]]
    made = again.make(studio, orders.archive(studio, name, recording, chosen.start, end), chosen.episode)
    (preview,) = made.result.previews
    if preview.sound is None:
        raise LookupError(f"{made.engine} gave no sound of {name}; name another engine for preview")
    sound, player, picture = (made.stored(file).key for file in (preview.sound, preview.player, preview.picture))
    return Archived(
        name=name,
        group=group.id,
        episode=chosen.episode,
        start=chosen.start,
        end=end,
        episodes=tuple(sorted({each.episode for each in group.segments})),
        sound=sound,
        player=player,
        picture=picture,
        engine=made.engine,
    )
