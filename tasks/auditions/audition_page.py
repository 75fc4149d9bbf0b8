"""The audition's page: one HTML file that is served by `voicecast audition`, and opened from disk.

Served, it asks for sounds, sends votes, and learns whose voices they are when a person wants to know. From disk all of
that is in the file: it is as blind as its reader is honest. Reads no store and writes no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from containers.contract.codec import encode
from tasks.auditions.audition import Audition, Sample, Trial, reference_for, scores_of, trials_of
from tasks.auditions.audition_votes import Vote, listeners, results
from tasks.pages.inline_page import ENVIRONMENT, data_inside, hash_of_script, inside

Link = Callable[[str], str]
"""Where a page finds a file below the audition's folder."""


def render(audition: Audition, votes: Sequence[Vote] | None = None) -> str:
    """The page; `votes`: of a page that opens from disk, what was voted until now; None: a service is asked."""
    trials = trials_of(audition)
    data: dict[str, Any] = {
        "series": audition.series,
        "character": audition.character,
        "name": audition.name,
        "audition": audition.identity,
        "trials": [{"id": each.id, **_line(audition, each.line)} for each in trials],
        "served": votes is None,
    }
    if votes is not None:
        data["sounds"] = {each.id: sounds(audition, each, str) for each in trials}
        data["shown"] = shown(audition, votes, str)
    return ENVIRONMENT.get_template("audition.html").render(
        audition=audition,
        served=votes is None,
        connect="'self'" if votes is None else "'none'",
        style=Markup(_STYLE),
        script=Markup(_SCRIPT),
        script_hash=hash_of_script(_SCRIPT),
        data=Markup(data_inside(data)),
    )


def sounds(audition: Audition, trial: Trial, link: Link) -> dict[str, Any]:
    """What a trial is heard by, with a gain for each that makes them equally loud."""
    found = {
        "a": audition.sample(trial.line, trial.a),
        "b": audition.sample(trial.line, trial.b),
        "reference": reference_for(audition, trial.line),
    }
    heard = {name: each for name, each in found.items() if each}
    quietest = min((each.loudness_lufs for each in heard.values() if each.loudness_lufs is not None), default=None)
    return {name: {"player": link(each.player), "gain": _gain(each, quietest)} for name, each in heard.items()}


def shown(audition: Audition, votes: Sequence[Vote], link: Link) -> dict[str, Any]:
    """Who is who: contestants with figures and players, and what the votes come to."""
    contestants = [each.id for each in audition.contestants]
    return {
        "contestants": encode(audition.contestants),
        "scores": encode(scores_of(audition)),
        "results": encode(results(votes, contestants)),
        "listeners": listeners(votes),
        "model": audition.model,
        "recogniser": audition.recogniser,
        "no_recogniser": audition.no_recogniser,
        "lines": [{"id": each.id, "of": each.of, **_line(audition, each.id)} for each in audition.lines],
        "samples": [_sample(each, link) for each in audition.samples],
        "trials": {each.id: [each.a, each.b] for each in trials_of(audition)},
    }


def _line(audition: Audition, line: str) -> dict[str, Any]:
    found = next(each for each in audition.lines if each.id == line)
    return {"kind": found.kind, "words": found.words, "held_out": found.held_out}


def _sample(sample: Sample, link: Link) -> dict[str, Any]:
    said: dict[str, Any] = encode(sample)
    if sample.missing is not None:
        return {"line": sample.line, "contestant": sample.contestant, "missing": sample.missing}
    return {**said, "player": link(sample.player), "picture": link(sample.picture)}


def _gain(sample: Sample, quietest: float | None) -> float:
    """Factor that makes a sample as loud as the quietest one beside it; a player can only turn down."""
    if quietest is None or sample.loudness_lufs is None:
        return 1.0
    return round(min(1.0, float(10 ** ((quietest - sample.loudness_lufs) / 20))), 4)


_STYLE = inside("label_sheet_style.html", "style") + inside("audition_style.html", "style")
_SCRIPT = "".join(
    inside(name, "script") for name in ("label_sheet_player.html", "audition_trial.html", "audition_shown.html")
)
