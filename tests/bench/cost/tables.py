"""What measurements come to, as rows: a table has a name, a caption, heads and cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.cost.results import Results, Run, Spread, ratio, spread
from tests.bench.cost.seasons import OURS, PLAIN, WHOLE

Row = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """`command`: what measures it."""

    name: str
    caption: str
    command: str
    heads: Row
    rows: tuple[Row, ...]


def tables(results: Results) -> list[Table]:
    found = [_against(results), *_alone(results), _lengths(results), _orchestration(results), _disk(results)]
    return [table for table in found if table and table.rows]


def _parts(results: Results, kind: str) -> list[str]:
    return sorted((each for each in results.parts() if each.startswith(kind)), key=lambda part: (len(part), part))


def load_of(runs: Sequence[Run]) -> str:
    loads = [load for run in runs for load in run["load"]]
    return f"{min(loads):.1f} to {max(loads):.1f}"


def _against(results: Results) -> Table:
    rows = []
    for part in _parts(results, "season-"):
        runs = results.of(part)
        for way in [each for each in runs if each != PLAIN]:
            rows.append(_beside(part, way, runs[way], runs.get(PLAIN, [])))
    return Table(
        name="Seasons on light, beside the plain script",
        caption="Median of the repeats, and least to most. Ratio: plain script over voicecast, repeat by repeat; over "
        f"1 is for voicecast. '{OURS}' is `voicecast season` up to the data sets: the plain script's steps, and "
        f"fingerprints, linking, labels and verdicts; '{WHOLE}' trains as well.",
        command="python -m tests.bench.cost season-3 season-12 season-126 season-24min",
        heads=(
            *("season", "way", "seconds", "plain: seconds", "ratio", "CPU-seconds (in stages)", "plain: CPU-s"),
            *("ratio of CPU", "x realtime", "peak, one process / together, MB", "no engine ran", "load"),
        ),
        rows=tuple(rows),
    )


def _beside(part: str, way: str, ours: Sequence[Run], theirs: Sequence[Run]) -> Row:
    def of(runs: Sequence[Run], figure: str) -> str:
        return str(spread(run[figure] for run in runs)) if runs else "not run"

    def times(figure: str) -> str:
        return str(ratio(ours, theirs, figure)) if theirs else "-"

    idle = spread(run["engines"]["share_of_time_by_engines_at_once"].get("0", 0.0) for run in ours)
    each = ours[0]["sound_seconds"] / ours[0]["episodes"]
    return (
        f"{part.removeprefix('season-')} ({ours[0]['episodes']} x {each:.0f} s)",
        way,
        of(ours, "seconds"),
        of(theirs, "seconds"),
        times("seconds"),
        f"{of(ours, 'cpu_seconds')} ({spread(run['engines']['cpu_seconds'] for run in ours).median:.0f})",
        of(theirs, "cpu_seconds"),
        times("cpu_seconds"),
        str(spread(run["sound_seconds"] / run["seconds"] for run in ours)),
        f"{of(ours, 'peak_memory_mb')} / {of(ours, 'peak_together_mb')}",
        f"{100 * idle.median:.0f} %",
        load_of([*ours, *theirs]),
    )


def _alone(results: Results) -> Iterator[Table]:
    for part in _parts(results, "alone"):
        runs = results.of(part)["light"]
        stages = list(runs[0]["stages"])
        yield Table(
            name=f"Stages of light alone, {_minutes(runs)} minutes",
            caption="A start of the engine for one item, one stage after another; clean and train hear clips. Load "
            f"{load_of(runs)}.",
            command=f"python -m tests.bench.cost {part}",
            heads=("stage", "seconds of sound", "x realtime", "CPU-seconds a second", "peak memory, MB"),
            rows=tuple(_stage(name, [run["stages"][name] for run in runs]) for name in stages),
        )


def _stage(name: str, rows: Sequence[Run]) -> Row:
    return (
        name,
        f"{rows[0]['sound_seconds']:.0f}",
        str(spread(row["sound_seconds"] / row["seconds"] for row in rows)),
        str(cpu_a_second(rows)),
        str(spread(row["peak_memory_mb"] for row in rows)),
    )


def cpu_a_second(rows: Sequence[Run]) -> Spread:
    return spread(row["cpu_seconds"] / row["sound_seconds"] for row in rows)


def _minutes(runs: Sequence[Run]) -> str:
    return f"{runs[0]['stages']['extract']['sound_seconds'] / 60:.0f}"


def _lengths(results: Results) -> Table | None:
    parts = _parts(results, "alone")
    if len(parts) < 2:
        return None
    runs = sorted((results.of(part)["light"] for part in parts), key=lambda each: float(_minutes(each)))
    stages = list(runs[-1][0]["stages"])
    return Table(
        name="Peak memory of a stage by length of the episode, MB",
        caption="The same figures as above, side by side: what grows from left to right is not flat.",
        command=f"python -m tests.bench.cost {' '.join(parts)}",
        heads=("stage", *(f"{_minutes(each)} min" for each in runs)),
        rows=tuple((name, *(str(memory(each, name)) for each in runs)) for name in stages),
    )


def memory(runs: Sequence[Run], stage: str) -> Spread:
    return spread(run["stages"][stage]["peak_memory_mb"] for run in runs if stage in run["stages"])


def _orchestration(results: Results) -> Table:
    rows = []
    for part in _parts(results, "orchestration-"):
        runs = results.of(part)["stub"]
        of = {name: spread(run[name] for run in runs) for name in runs[0] if isinstance(runs[0][name], float | int)}
        rows.append(
            (
                part.removeprefix("orchestration-"),
                str(of["seconds_an_episode"]),
                str(of["cpu_seconds_an_episode"]),
                str(of["engine_cpu_seconds_an_episode"]),
                str(of["all_cpu_seconds_an_episode"]),
                f"{100 * of['share_without_an_engine'].median:.0f} %",
                str(of["peak_memory_mb"]),
                str(of["second_run_seconds"]),
                load_of(runs),
            )
        )
    return Table(
        name="Orchestration: seasons on stub, whose engines take milliseconds",
        caption="24 scripted minutes and about 300 clips an episode, all stages, labels, data sets and voices.",
        command="python -m tests.bench.cost orchestration-10 orchestration-126",
        heads=(
            *(
                "episodes",
                "seconds an episode",
                "CPU-s of the house an episode",
                "of stub's starts",
                "of all, server too",
            ),
            *("no engine ran", "peak of the flow, MB", "a second run, s", "load"),
        ),
        rows=tuple(rows),
    )


def _disk(results: Results) -> Table:
    rows = []
    for part in _parts(results, "season-"):
        for run in results.of(part).get(OURS, [])[:1]:
            hours = run["sound_seconds"] / 3600
            kinds = disk_mb_an_hour(run)
            cells = [f"{kinds.get(kind, 0):.0f}" for kind in DISK_KINDS]
            whole = sum(kinds.values())
            kept = "yes" if whole <= BUDGET_MB else "no"
            rows.append((part.removeprefix("season-"), f"{hours:.2f}", *cells, f"{whole:.0f}", kept))
    return Table(
        name="Disk: MB kept for an hour of video",
        caption="All that a store holds once data sets are made, by kind; data sets are WAV, all other sound is FLAC. "
        f"Budget: {BUDGET_MB} MB an hour; data sets end at their minutes, so their share falls as a season grows.",
        command="python -m tests.bench.cost season-3",
        heads=("season", "hours", *DISK_KINDS, "all", "within the budget"),
        rows=tuple(rows),
    )


DISK_KINDS = ("recordings", "vocals", "background", "clips", "data sets", "voices", "previews", "the rest")
BUDGET_MB = 1000
"""For an hour of video: three stereo files of 48 kHz and 16 bits in FLAC, and clips of what is said."""


def disk_mb_an_hour(run: Run) -> dict[str, float]:
    return {kind: size / 1e6 / (run["sound_seconds"] / 3600) for kind, size in run["disk"].items()}
