"""What the report of a long season costs: `python -m tests.bench.report_cost [--episodes 126] [--keep FOLDER]`.

A season on stub (24 scripted minutes an episode, eight people, five of them characters), prepared, labelled by
references and made into data sets without Prefect; then the report, twice. Prints seconds and sizes. Players and
pictures are stub's, so the seconds are the house's own; what light takes for a player is in `make bench`.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from containers.contract.stages import STAGES
from flows.gate import settle
from infra.slots import MachineSlots
from tasks import orders
from tasks.clips import clean_ledger, data_sets
from tasks.domain import Episode
from tasks.episodes import prepared
from tasks.episodes.asset_library import list_assets
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import Parts, Prepared
from tasks.opening import open_series, with_engines
from tasks.reporting.report_pages import write_report
from tasks.speakers import casting
from tasks.speakers.heard import heard_series
from tasks.speakers.references import known_references, references_of
from tasks.studio import Studio
from tests.bench.cost.orchestration import stub_series


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.report_cost", description=__doc__)
    parser.add_argument("--episodes", type=int, default=126)
    parser.add_argument("--keep", type=Path, help="where the season and its report stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "series.yaml"
        if not config.exists():
            stub_series(folder, options.episodes)
            everywhere = "engines: {" + ", ".join(f"{stage}: stub" for stage in STAGES) + "}"
            kept = [line for line in config.read_text("utf-8").splitlines() if not line.startswith("engines:")]
            config.write_text("\n".join([*kept, everywhere]) + "\n", "utf-8")
        studio = with_engines(open_series(config), MachineSlots(), lambda _: None)
        season(studio)
        report = folder / "report"
        print(json.dumps({"first": cost(studio, report), "again": cost(studio, report)}, indent=1))


def season(studio: Studio) -> None:
    """All before training, and the assets."""
    episodes = list_episodes(studio.series, studio.store)
    for slug, source in references_of(studio):
        recording = studio.make(orders.extract_given(studio, slug, source))
        studio.make(orders.embed_reference(studio, slug, recording.stored(recording.result.recording)))
    with ThreadPoolExecutor(32) as pool:
        done = list(pool.map(lambda each: _prepared(studio, each), episodes))
        list(pool.map(lambda each: list_assets(studio, each), done))
    references = known_references(studio)
    cast = casting.make_cast(studio, casting.base_of(studio, episodes, done), episodes, done)
    labels = settle(studio, cast, "auto").labels
    heard = heard_series(studio, done)
    rows = data_sets.decide(studio, cast, labels, heard, references)
    hashes = {clip.id: clip.sha256 for episode in heard for clip in episode.clips}
    for slug, of_character in rows.items():
        clips = clean_ledger.to_clean(studio, slug, of_character, hashes)
        if clips:
            batch = orders.clean(studio, slug, clean_ledger.batch_name(clips), clips)
            clean_ledger.enter(studio, slug, clips, studio.make(batch))
        made = data_sets.identity_of(studio, cast, labels, slug)
        about = data_sets.About(
            labels=labels, texts={}, engines={each.episode: each.engines for each in done}, missing={}
        )
        data_sets.publish(studio, slug, made, of_character, about)


def _prepared(studio: Studio, episode: Episode) -> Prepared:
    known = prepared.find_prepared(studio, episode)
    if known:
        return known
    recording = studio.make(orders.extract(studio, episode))
    fingerprint = studio.make(orders.fingerprint(studio, episode, recording))
    stems = studio.make(orders.separate(studio, episode, recording))
    turns = studio.make(orders.diarize(studio, episode, stems))
    clips = studio.make(orders.cut(studio, episode, stems, turns))
    vectors = studio.make(orders.embed(studio, episode, stems, clips))
    parts = Parts(
        extract=recording,
        fingerprint=fingerprint,
        fingerprint_vocals=studio.make(orders.fingerprint_vocals(studio, episode, stems)),
        separate=stems,
        diarize=turns,
        cut=clips,
        embed=vectors,
    )
    return prepared.publish(studio, episode, parts)


def cost(studio: Studio, report: Path) -> dict[str, Any]:
    with _timed() as took:
        write_report(studio, report)
    pages = {path.name: path.stat().st_size for path in sorted(report.glob("*.html"))}
    media = [path.stat().st_size for path in (report / "media").iterdir()]
    return {
        **took,
        "pages_mb": {name: round(size / 1e6, 2) for name, size in pages.items()},
        "media_files": len(media),
        "media_mb": round(sum(media) / 1e6, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    took: dict[str, float] = {}
    wall, cpu = time.monotonic(), time.process_time()
    yield took
    took |= {"seconds": round(time.monotonic() - wall, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}


if __name__ == "__main__":
    main()
