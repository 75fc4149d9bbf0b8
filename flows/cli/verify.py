"""verify, repair, gc: what is in the store against what was made, what nothing refers to, and what is not kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, at, opened
from flows.cli.terminal import say, stage_bars
from tasks.domain import Episode
from tasks.series import SeriesError
from tasks.studio import Studio

BROKEN = 1
SHOWN = 20
Quick = Annotated[bool, typer.Option("--quick", help="Documents and sizes only; no sound file is read")]


def add_to(app: typer.Typer) -> None:
    for command in (verify, repair, gc):
        app.command()(command)


def verify(config: Config = None, store: StoreAt = None, series: SeriesId = None, quick: Quick = False) -> None:
    """Check everything in the store against its record: hash, size, format, links. Exit code 1: something is broken."""
    from tasks.keeping.verify import verify as look

    studio = opened(config, store, series)
    found = look(studio.store, studio.home, quick=quick)
    for each in found.broken[:SHOWN]:
        say(f"broken: {each.key} {each.why}", style="yellow")
    if len(found.broken) > SHOWN:
        say(f"and {len(found.broken) - SHOWN} more")
    read = "sizes only" if quick else f"{found.read_bytes / 1e6:.1f} MB read"
    say(f"{found.documents} documents and {found.files} files, {read}: {len(found.broken) or 'nothing'} broken")
    if found.unsealed:
        say(f"{found.unsealed} documents of an older version carry no seal: they were only read", style="dim")
    if found.broken:
        say(f"Make it again: voicecast repair{at(config, store, series)}", style="bold")
        raise typer.Exit(BROKEN)


def repair(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
    quick: Quick = False,
    pruned: Annotated[
        list[str] | None,
        typer.Option("--pruned", help="Also make again what was pruned of this episode (its key, or all); repeatable"),
    ] = None,
) -> None:
    """Remove what is broken, and make it and only it again. Name the engines as for the season that made it."""
    from infra.slots import MachineSlots
    from tasks.episodes.episodes import list_episodes
    from tasks.keeping.repair import repair as make_again
    from tasks.opening import with_engines

    studio = opened(config, store, series, engine, runner, option)
    try:
        episodes = list_episodes(studio.series, studio.store)
    except SeriesError:
        episodes = ()  # what needs no video can be made again without
    with stage_bars() as bars:
        able = with_engines(studio, MachineSlots(), bars)
        done = make_again(able, episodes, quick=quick)
        back = bring_back(able, episodes, pruned or ())
    for key, count in back.items():
        say(f"came back: {count} files of {key}")
    for each in done.made:
        say(f"made again: {each}")
    for key, how in done.later.items():
        say(f"{key} {how}")
    for key, why in done.left.items():
        say(f"still broken: {key}: {why}", style="yellow")
    say(f"{len(done.found) or 'nothing'} broken, {len(done.left) or 'nothing'} left so")
    if done.left:
        raise typer.Exit(BROKEN)


def bring_back(studio: Studio, episodes: Sequence[Episode], keys: Sequence[str]) -> dict[str, int]:
    """Files that were made again, by episode; SeriesError for a key that no episode has."""
    from tasks.episodes import again
    from tasks.episodes.episodes import choose

    chosen = choose(episodes, None if "all" in keys else keys) if keys else ()
    return {each.key: count for each in chosen if (count := again.bring_back(studio, each))}


def gc(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    caches: Annotated[
        bool, typer.Option("--caches", help="Also previews, speech before and after conversion, engines' caches")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Instead: what the series file does not keep (keep:) and can be made again")
    ] = False,
    engine: Engines = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only listed")] = False,
) -> None:
    """List what nothing refers to: what a crash left, clips of no data set, old checkpoints. --yes removes it."""
    from tasks.keeping.garbage import find_garbage, remove

    studio: Studio = opened(config, store, series, engine)
    if prune:
        prune_series(studio, yes=yes)
        return
    found = find_garbage(studio.store, studio.home, caches=caches)
    listed = [*((key, size) for key, size in found.keys.items()), *((str(p), size) for p, size in found.paths.items())]
    for name, size in listed[:SHOWN]:
        say(f"{size / 1e6:10.2f} MB  {name}")
    if len(listed) > SHOWN:
        say(f"and {len(listed) - SHOWN} more")
    if yes:
        remove(studio.store, found)
    what = "removed" if yes else f"can go; remove it: voicecast gc{at(config, store, series)} --yes"
    say(f"{len(listed)} things, {found.bytes / 1e6:.1f} MB {what}" if listed else "nothing can go")


def prune_series(studio: Studio, *, yes: bool) -> None:
    """What the series file does not keep, by kind; what has to stay, and why."""
    from tasks.keeping.letting_go import let_go, look

    if not studio.series.keep.goes:
        say("the series file keeps everything; to keep less, write into it: keep: reusable, or keep: least")
        return
    found = look(studio)
    for kind, size in found.by_kind.items():
        say(f"{size / 1e6:10.2f} MB  {kind}")
    for why in found.stay:
        say(f"stays: {why}", style="yellow")
    if yes:
        let_go(studio, found)
    what = "removed; what needs it makes it again" if yes else "can go; remove it: voicecast gc --prune --yes"
    say(f"{found.bytes / 1e6:.1f} MB of {len(found.episodes)} episodes {what}" if found.bytes else "nothing can go")
