"""What an episode reuses of an earlier one, kept as `reuse.json`: decided once, and found from then on.

Which episodes there were at that time does not count any more afterwards, so a result stays what it is while the
series grows.
"""

from __future__ import annotations

import hashlib
import io
import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from containers.contract.codec import canonical, decode, encode
from containers.contract.errors import StageError
from containers.contract.stages import ExtractResult, Reused, SeparateResult, Stretch
from infra.engines import engine_for
from infra.identity import hash_of_code, makers
from infra.store import Damaged, find_json, write_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import recurrence, reuse
from tasks.episodes.earlier import Earlier, words_of
from tasks.studio import Made, Stored, Studio

log = logging.getLogger("voicecast.work")

REUSE = "reuse.json"


class StemsOf(Protocol):
    """The stems of an earlier episode, waited for where they are under way; raises the StageError of an engine."""

    def __call__(self, source: Episode, *, bring_back: bool) -> Made[SeparateResult] | None: ...


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """`reused` of the episode `source`, from its `vocals`; nothing where there is none, and `why` says so."""

    identity: str
    why: str
    source: str | None = None
    vocals: Stored | None = None
    reused: tuple[Reused, ...] = ()


def rules() -> str:
    """Hash of the code that decides here."""
    return hash_of_code(recurrence, reuse)


def find_reuse(studio: Studio, episode: Episode, extracted: Made[ExtractResult]) -> Reuse | None:
    """What was decided before."""
    key = _key(studio, episode)
    try:
        said = find_json(studio.store, key)
    except Damaged:
        return None
    found = decode(Reuse, said, key) if said is not None else None
    return found if found and found.identity == _identity(studio, extracted) else None


def decide_reuse(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier, stems_of: StemsOf
) -> Reuse:
    """Find it, or decide it: waits for earlier fingerprints, and for the stems of the one episode that is used."""
    found = find_reuse(studio, episode, extracted)
    if found and _is_there(studio, found, earlier, stems_of):
        return found
    decided = _decided(studio, episode, extracted, earlier, stems_of)
    log.info("vocals of %s that need no separating: %s", episode.key, decided.why)
    write_json(studio.store, _key(studio, episode), encode(decided))
    return decided


def _is_there(studio: Studio, decided: Reuse, earlier: Earlier, stems_of: StemsOf) -> bool:
    """Whether the vocals that were chosen are there, or come back as they were."""
    if decided.source is None or decided.vocals is None:
        return True
    if studio.store.holds({decided.vocals.key: decided.vocals.size}):
        return True
    if decided.source not in earlier:
        return False
    try:
        stems = stems_of(earlier[decided.source], bring_back=True)
    except StageError:
        return False
    return stems is not None and stems.stored(stems.result.vocals).sha256 == decided.vocals.sha256


class _Nothing(LookupError):
    """Why nothing is reused."""


def _decided(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier, stems_of: StemsOf
) -> Reuse:
    source, identity = "", _identity(studio, extracted)
    try:
        source, stretches = _candidates(studio, episode, extracted, earlier)
        with studio.in_use(source):
            reused = _compared(studio, episode, extracted, earlier.extracted(studio, source), stretches)
        stems = stems_of(earlier[source], bring_back=False)
        if stems is None or stems.result.vocals.path in stems.gone:
            raise _Nothing("its stems are not there (any more)")
    except _Nothing as nothing:
        return Reuse(identity=identity, why=f"of {source}, {nothing}" if source else str(nothing))
    except StageError as error:
        return Reuse(identity=identity, why=f"of {source}, which failed: {error}")
    seconds = sum(each.end - each.start for each in reused)
    vocals = stems.stored(stems.result.vocals)
    return Reuse(identity=identity, why=f"{seconds:.1f} s of {source}", source=source, vocals=vocals, reused=reused)


def _candidates(
    studio: Studio, episode: Episode, extracted: Made[ExtractResult], earlier: Earlier
) -> tuple[str, tuple[Stretch, ...]]:
    own = studio.make(orders.fingerprint(studio, episode, extracted))
    before = earlier.words_before(studio, episode.key)
    source, stretches = reuse.candidates(words_of(studio, own), before, own.result.hop, reuse.Rule())
    if not source:
        raise _Nothing("nothing of it was heard in an earlier episode")
    return source, stretches


def _compared(
    studio: Studio,
    episode: Episode,
    extracted: Made[ExtractResult],
    theirs: Made[ExtractResult] | None,
    stretches: tuple[Stretch, ...],
) -> tuple[Reused, ...]:
    if theirs is None or theirs.gone:
        raise _Nothing("its recording is not there (any more)")
    recording, other = (each.stored(each.result.recording) for each in (extracted, theirs))
    made = studio.make(orders.compare(studio, episode, recording, other, stretches))
    table = studio.store.read(made.stored(made.result.differences).key)
    rows = np.load(io.BytesIO(table), allow_pickle=False)
    reused = reuse.reusable(made.result.stretches, rows, made.result.hop, reuse.Rule())
    if not reused:
        raise _Nothing("all that sounds alike may have new speech, or differs in more than its encoding")
    return reused


def _identity(studio: Studio, extracted: Made[ExtractResult]) -> str:
    """The episode's own recording, the rules, and what separates and compares; not which episodes there are."""
    series = studio.series
    engines = {stage: engine_for(series.engine(stage), stage) for stage in ("fingerprint", "compare", "separate")}
    parts = {
        "recording": extracted.stored(extracted.result.recording).sha256,
        "rules": rules(),
        "only": series.separate.only,
        "engines": {stage: makers(each, series.options.get(each.name, {}), stage) for stage, each in engines.items()},
    }
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def _key(studio: Studio, episode: Episode) -> str:
    return f"{orders.folder_of(studio, episode)}/{REUSE}"
