"""Everything of a series that its file does not keep (`keep:`), looked for first and taken away when somebody says so.

A season does so by itself as its episodes are prepared; this is for what was made before the file said so, or came
back for a later step.
"""

from __future__ import annotations

from infra.items import busy
from infra.store import StoreError
from tasks.episodes.episodes import list_episodes
from tasks.episodes.pruning import Prunable, find_prunable, prune
from tasks.labelling.labels import load
from tasks.series import SeriesError
from tasks.speakers import casting
from tasks.speakers.questions import open_questions
from tasks.studio import Studio


def look(studio: Studio) -> Prunable:
    """What can go; StoreError while something runs with the store on this machine."""
    if busy(studio.store.work):
        raise StoreError(f"something runs with this store (it holds {studio.store.work}); prune when it has ended")
    try:
        episodes = list_episodes(studio.series, studio.store)
    except SeriesError:
        episodes = ()  # no video is at hand
    return find_prunable(studio, episodes, asked=_asked(studio))


def let_go(studio: Studio, found: Prunable) -> None:
    """Take it away; StoreError if something runs by now."""
    if busy(studio.store.work):
        raise StoreError("something runs with this store by now; prune when it has ended")
    prune(studio, found)


def _asked(studio: Studio) -> bool:
    """Whether people are asked for labels."""
    cast = casting.load_cast(studio)
    if cast is None or studio.series.labels != "ask":
        return False
    return bool(open_questions(studio, cast, load(studio.store, studio.series.series)))
