"""An episode dubbed by a script, as a flow: its lines side by side, then the mix, then a copy of the video."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger, task, unmapped
from prefect.runtime import flow_run

from containers.contract.errors import RecordingError
from flows.hooks import sweep_engines
from flows.lines import by_voice, lines_at_once, needed
from flows.prepare import prepare_episode
from flows.results import address_of, link_result, table_results
from infra.stage import listener_of_run
from tasks.domain import Episode
from tasks.episodes.episodes import choose, list_episodes, slug
from tasks.episodes.prepared import STAGES, find_left_out, find_prepared
from tasks.opening import check_engines, open_series, with_engines
from tasks.progress import ended
from tasks.slots import slots_of_run
from tasks.speech import dubbing
from tasks.speech.dubbing import Bed, Dub
from tasks.speech.dubbing_record import How, LineDone
from tasks.speech.scripts import Script, ScriptError, ScriptLine, check_times
from tasks.speech.scripts_from import name_of, script_at
from tasks.stages import RETRIED
from tasks.studio import Studio
from tasks.voices import Card


@task(name="line", task_run_name="line {line.number} of {line.character}", **RETRIED)
def say_line(studio: Studio, card: Card, line: ScriptLine, how: How) -> LineDone:
    return dubbing.say_line(studio, card, line, how)


@task(name="mix", task_run_name="mix {bed.episode.key} {how.name}", **RETRIED)
def mix_and_mux(
    studio: Studio, script: Script, cards: dict[str, Card], bed: Bed, done: list[LineDone], how: How
) -> Dub:
    return dubbing.dub(studio, script, cards, bed, done, how)


@flow(
    name="dub",
    flow_run_name=lambda: f"dub {flow_run.parameters['episode']} by {name_of(flow_run.parameters['script'])}",
    task_runner=lines_at_once(),
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def dub_episode(  # noqa: PLR0913, PLR0917 (what a form asks)
    script: str,
    episode: str,
    how: dict[str, Any] | None = None,
    character: str | None = None,
    config: str | None = None,
    store: str | None = None,
    series: str | None = None,
    engines: dict[str, str] | None = None,
    runners: dict[str, str] | None = None,
    options: dict[str, dict[str, Any]] | None = None,
) -> Dub:
    """Dub an episode. `how`: fields of `How`, the rest as usual; `character` says lines that name nobody."""
    studio = open_series(config, store, series=series, engines=engines, runners=runners, options=options)
    studio = with_engines(studio, slots_of_run(), listener_of_run())
    lines = script_at(studio.store, script, studio.series.characters, character)
    told = how_of(studio, lines, how)
    cards = dubbing.cards_of(studio, lines, told.language)
    check_engines(studio, *needed(lines), "mix", "mux")
    (chosen,) = choose(list_episodes(studio.series, studio.store), [episode])
    bed = _bed(studio, chosen)
    check_times(lines, bed.heard.duration)
    in_voices = by_voice(lines)
    futures = say_line.map(unmapped(studio), [cards[each.character] for each in in_voices], in_voices, unmapped(told))
    done = [future.result() for future in ended(list(futures), f"lines of {lines.file.name}")]
    done.sort(key=lambda each: each.line.number)
    if not any(each.said for each in done):
        raise ScriptError(f"{lines.file.name}: none of its lines could be said; the first: {done[0].problem}")
    made = mix_and_mux(studio, lines, cards, bed, done, told)
    _tell(studio, made)
    return made


def how_of(studio: Studio, script: Script, said: dict[str, Any] | None) -> How:
    """How to dub, with what nobody said: the script's name, the series' language."""
    given = {name: value for name, value in (said or {}).items() if value is not None}
    usual = {"name": slug(script.file.stem), "language": studio.series.language}
    return How(**{**usual, **given})


def _bed(studio: Studio, episode: Episode) -> Bed:
    """The episode, prepared now if it was not."""
    why = find_left_out(studio, episode)
    if why:
        raise RecordingError(f"{episode.key} is left out of the series: {why}")
    if not find_prepared(studio, episode):
        check_engines(studio, *STAGES)
        prepare_episode(studio, episode)
    return dubbing.bed_of(studio, episode)


def _tell(studio: Studio, made: Dub) -> None:
    """On the run's page: the slot-fit table, and where the video is; what was not said or does not fit also in the
    log."""
    for row in made.rows:
        if row["fit"] in ("over", "not said"):
            get_run_logger().warning(
                "line %s of the file: %s", row["row"], row.get("problem") or f"{row['over']} s over"
            )
    name = f"{studio.series.series} {made.about['episode']} {made.about['name']}"
    table_results(list(made.rows), f"slots {name}", f"Slots of {made.about['episode']}")
    beside = ", ".join(address_of(studio, each) for each in (made.track, made.table))
    link_result(studio, made.video, f"dub {name}", "the dubbed video", f"The video; its signed track, slots: {beside}")
    get_run_logger().info("the dubbed video is %s", address_of(studio, made.video))
