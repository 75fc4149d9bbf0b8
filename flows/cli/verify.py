"""verify, repair, gc: what is in the store against what was made, and what nothing refers to."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Config, Engines, Options, Runners, SeriesId, StoreAt, opened
from flows.cli.terminal import say, stage_bars
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
        say("Make it again: voicecast repair", style="bold")
        raise typer.Exit(BROKEN)


def repair(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    engine: Engines = None,
    runner: Runners = None,
    option: Options = None,
    quick: Quick = False,
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
        done = make_again(with_engines(studio, MachineSlots(), bars), episodes, quick=quick)
    for each in done.made:
        say(f"made again: {each}")
    for key, how in done.later.items():
        say(f"{key} {how}")
    for key, why in done.left.items():
        say(f"still broken: {key}: {why}", style="yellow")
    say(f"{len(done.found) or 'nothing'} broken, {len(done.left) or 'nothing'} left so")
    if done.left:
        raise typer.Exit(BROKEN)


def gc(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    caches: Annotated[
        bool, typer.Option("--caches", help="Also previews, speech before and after conversion, engines' caches")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only listed")] = False,
) -> None:
    """List what nothing refers to: what a crash left, clips of no data set, old checkpoints. --yes removes it."""
    from tasks.keeping.garbage import find_garbage, remove

    studio: Studio = opened(config, store, series)
    found = find_garbage(studio.store, studio.home, caches=caches)
    listed = [*((key, size) for key, size in found.keys.items()), *((str(p), size) for p, size in found.paths.items())]
    for name, size in listed[:SHOWN]:
        say(f"{size / 1e6:10.2f} MB  {name}")
    if len(listed) > SHOWN:
        say(f"and {len(listed) - SHOWN} more")
    if yes:
        remove(studio.store, found)
    what = "removed" if yes else "can go; remove it: voicecast gc --yes"
    say(f"{len(listed)} things, {found.bytes / 1e6:.1f} MB {what}" if listed else "nothing can go")
