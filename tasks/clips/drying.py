"""De-reverberation: kept clips without the room around the voice, before they are cleaned; off unless asked for.

Stage `separate` of the engine that `dereverb:` names, with the options given there: its vocals are the dry voice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from containers.contract.codec import canonical
from containers.contract.stages import SeparateResult
from infra.engines import engine_for
from infra.identity import makers
from tasks import orders
from tasks.series import Series
from tasks.studio import Made, Stored, Studio


@dataclass(frozen=True, kw_only=True)
class Dry:
    """Clips by name as they go to be cleaned; `by`: the engine that dried them, None where nothing was asked."""

    clips: dict[str, Stored]
    by: str | None = None


def dry(studio: Studio, character: str, clips: Mapping[str, Stored]) -> Dry:
    """All of them at once, so that one start of the engine takes many; raises what the engine raises.

    A clip that was dried before is found again.
    """
    if studio.series.dereverb is None or not clips:
        return Dry(clips=dict(clips))
    with ThreadPoolExecutor(len(clips)) as pool:
        futures = {
            name: pool.submit(copy_context().run, _dried, studio, character, name, clip) for name, clip in clips.items()
        }
    made = {name: each.result() for name, each in futures.items()}
    return Dry(
        clips={name: each.stored(each.result.vocals) for name, each in made.items()},
        by=next(iter(made.values())).engine,
    )


def _dried(studio: Studio, character: str, name: str, clip: Stored) -> Made[SeparateResult]:
    return studio.make(orders.dereverb(studio, character, name, clip))


def forget(studio: Studio, character: str, kept: set[str]) -> None:
    """Remove the dry voices of clips no longer kept, or of all where none are wanted; a record's run goes first, and
    the files last, so that a crash leaves nothing but garbage."""
    home = f"{studio.home}/characters/{character}"
    wanted = kept if studio.series.dereverb else set()
    files = [key for key in studio.store.keys(f"{home}/dry") if key.split("/")[-2] not in wanted]
    names = {key.split("/")[-2] for key in files}
    records = [f"{home}/stages/{orders.dereverb_record(name)}" for name in sorted(names)]
    for key in [*(f"{each}.run.json" for each in records), *(f"{each}.json" for each in records), *files]:
        studio.store.delete(key)


def identity_of(series: Series) -> dict[str, Any]:
    """What a data set's identity says of it: nothing where it is not asked for."""
    if series.dereverb is None:
        return {}
    return {"dereverb": makers(engine_for(series.dereverb.engine, "separate"), series.dereverb.options, "separate")}


def identity_with(studio: Studio, character: str, clip: Stored, cleaned: str) -> str:
    """The identity of a clip as cut and cleaned, dried before where that is asked for."""
    if studio.series.dereverb is None:
        return cleaned
    dried = studio.identity(orders.dereverb(studio, character, "alone", clip))
    return hashlib.sha256(canonical([cleaned, dried]).encode()).hexdigest()
