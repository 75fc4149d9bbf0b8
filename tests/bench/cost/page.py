"""The page of the bench: tables and pictures in one HTML file, without network; and the cost rows of the report."""

from __future__ import annotations

import html
import io
import json
import os
from collections.abc import Iterator

import matplotlib as mpl
from matplotlib.figure import Figure

from containers.contract.codec import write_atomically
from tests.bench.cost.processes import ROOT
from tests.bench.cost.results import Results, ratio, spread
from tests.bench.cost.seasons import OURS, PLAIN, SPEECH_ONLY
from tests.bench.cost.tables import DISK_KINDS, Table, cpu_a_second, disk_mb_an_hour, load_of, memory, tables

FIGURES = ROOT / "docs" / "figures.json"
COMMAND = "make bench BENCH=full"
_COLOURS = {PLAIN: "#9aa0a6", OURS: "#1f6feb", SPEECH_ONLY: "#2da44e"}
_STYLE = """
body {font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1f2328}
table {border-collapse: collapse; font-size: 13px; margin: .5rem 0} th, td {border: 1px solid #d0d7de; padding: .25rem}
td {text-align: right} td:first-child, td:nth-child(2) {text-align: left} th {background: #f6f8fa; font-weight: 600}
div.wide {overflow-x: auto} p {max-width: 60rem} code {font-size: 13px} svg {max-width: 100%; height: auto}
"""


def write(results: Results) -> None:
    """index.html, results.json and tables.md (for docs/measurements.md) from all that was measured."""
    shown = tables(results)
    raw = {part: results.of(part) for part in results.parts()}
    write_atomically(results.folder / "results.json", json.dumps(raw, indent=1, ensure_ascii=False) + "\n")
    write_atomically(results.folder / "tables.md", "\n".join(_markdown(table) for table in shown))
    body = "".join(_table(table) for table in shown)
    engines = "".join(
        f"<h2>{html.escape(part)}</h2><pre>{html.escape(json.dumps(raw[part], indent=1))}</pre>"
        for part in raw
        if part.startswith("engine-")
    )
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What voicecast costs</title>'
        f"<style>{_STYLE}</style>"
        f"<h1>What voicecast costs</h1>{''.join(_pictures(results))}{body}{engines}</html>\n"
    )
    write_atomically(results.folder / "index.html", text)


def _markdown(table: Table) -> str:
    lines = [" | ".join(row) for row in (table.heads, ["---"] * len(table.heads), *table.rows)]
    return f"**{table.name}**: `{table.command}`. {table.caption}\n\n" + "".join(f"| {line} |\n" for line in lines)


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(each)}</th>" for each in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(each)}</td>" for each in row) + "</tr>" for row in table.rows)
    return (
        f"<h2>{html.escape(table.name)}</h2><p>{html.escape(table.caption)}<br><code>{html.escape(table.command)}</code></p>"
        f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
    )


def _pictures(results: Results) -> Iterator[str]:
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    seasons = [part for part in results.parts() if part.startswith("season-") and PLAIN in results.of(part)]
    if seasons:
        yield _svg(_beside(results, seasons))
    alone = [part for part in results.parts() if part.startswith("alone")]
    if alone:
        yield _svg(_stages(results, alone))
    stored = [part for part in results.parts() if OURS in results.of(part)]
    if stored:
        yield _svg(_disk(results, stored))


def _beside(results: Results, parts: list[str]) -> Figure:
    """CPU-seconds and seconds for a second of sound, with the spread."""
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for place, (axes, name) in enumerate(zip(figure.subplots(1, 2), ("seconds", "cpu_seconds"), strict=True)):
        for shift, way in enumerate(_COLOURS):
            for at, part in enumerate(parts):
                runs = results.of(part).get(way)
                if runs:
                    each = spread(run[name] / run["sound_seconds"] for run in runs)
                    error = [[each.median - each.least], [each.most - each.median]]
                    label = way if way not in axes.get_legend_handles_labels()[1] else None
                    axes.bar(
                        at + 0.27 * shift, each.median, 0.25, color=_COLOURS[way], yerr=error, capsize=2, label=label
                    )
        axes.set_xticks([at + 0.27 for at in range(len(parts))], [part.removeprefix("season-") for part in parts])
        axes.set_title(("Seconds" if place == 0 else "CPU-seconds") + " for a second of sound, by season")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _stages(results: Results, parts: list[str]) -> Figure:
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    cost, peak = figure.subplots(1, 2)
    runs = {part: results.of(part)["light"] for part in parts}
    stages = list(dict.fromkeys(name for each in runs.values() for name in each[0]["stages"]))
    for shift, (part, each) in enumerate(runs.items()):
        at = [place + shift * 0.8 / len(runs) for place in range(len(stages))]
        present = [name for name in stages if name in each[0]["stages"]]
        places = [at[stages.index(name)] for name in present]
        rows = {name: [run["stages"][name] for run in each] for name in present}
        cost.barh(places, [cpu_a_second(rows[name]).median for name in present], 0.8 / len(runs), label=part)
        peak.barh(places, [memory(each, name).median for name in present], 0.8 / len(runs), label=part)
    for axes, title in ((cost, "CPU-seconds for a second of sound"), (peak, "Peak memory, MB")):
        axes.set_yticks([place + 0.4 - 0.4 / len(runs) for place in range(len(stages))], stages)
        axes.invert_yaxis()
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
    peak.legend(frameon=False)
    return figure


def _disk(results: Results, parts: list[str]) -> Figure:
    figure = Figure(figsize=(9, 1 + 0.35 * len(parts)), layout="constrained")
    axes = figure.subplots()
    for at, part in enumerate(parts):
        kinds, left = disk_mb_an_hour(results.of(part)[OURS][0]), 0.0
        for number, kind in enumerate(DISK_KINDS):
            label = kind if at == 0 else None
            axes.barh(at, kinds.get(kind, 0), 0.7, left=left, color=f"C{number}", label=label)
            left += kinds.get(kind, 0)
    axes.set_yticks(range(len(parts)), [part.removeprefix("season-") for part in parts])
    axes.set_title("MB kept for an hour of video")
    axes.legend(frameon=False, ncols=len(DISK_KINDS), loc="upper center", bbox_to_anchor=(0.5, -0.15))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def write_figures(results: Results) -> None:
    """The cost rows of docs/figures.json; rows of other commands stay."""
    kept = [row for row in json.loads(FIGURES.read_text("utf-8")) if row["command"] != COMMAND]
    rows = [{"name": name, "figure": figure, "command": COMMAND} for name, figure in _rows(results)]
    write_atomically(FIGURES, json.dumps([*kept, *rows], indent=1, ensure_ascii=False) + "\n")


def _rows(results: Results) -> Iterator[tuple[str, str]]:
    for part in results.parts():
        runs = results.of(part)
        for way in (OURS, SPEECH_ONLY):
            if part.startswith("season-") and way in runs and PLAIN in runs:
                seconds, cpu = (ratio(runs[way], runs[PLAIN], figure) for figure in ("seconds", "cpu_seconds"))
                name = f"{way}, {part.removeprefix('season-')} episodes on light: times as fast as the plain script"
                busy = load_of([*runs[way], *runs[PLAIN]])
                figure = f"{cpu} in CPU-seconds; {seconds} by the clock at load {busy} on {os.cpu_count()} cores"
                yield name.replace("min episodes", " minutes"), figure
        if part.startswith("orchestration-"):
            share = spread(run["cpu_seconds_an_episode"] for run in runs["stub"])
            yield f"CPU-seconds of the house an episode, {part.removeprefix('orchestration-')} episodes", str(share)
