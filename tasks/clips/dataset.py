"""The data set of a character: which clips are kept, and why the others are not.

Decides from measurements and vectors; no audio is touched here. A label says
whose voice a speaker mostly is; each clip must still sound like that
character by itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from containers.contract.codec import encode
from tasks.clips.purity import Figures, Likeness, compare, second_voice, usual_second_voice
from tasks.clips.repeats import without_repeats
from tasks.clips.selection import select
from tasks.clips.verdicts import PRESETS, Finding, Row, Thresholds, cut_word, flaw, over_loud_background, tags
from tasks.domain import NOBODY, EpisodeClip, HeardEpisode, Reference, Speaker, Vectors
from tasks.labelling.decisions import Labels
from tasks.speakers.cast import Match, galleries_of, match, rule_for
from tasks.speakers.embedding_models import one_model

__all__ = ["PRESETS", "Row", "Thresholds", "judge", "manifest", "select"]

MIXTURES_OF = "resemblyzer"
"""The model whose vectors of two voices at once were measured; of others only the sound tells."""
RIVAL_LEAD = 0.08
"""Cosine by which a speaker without a label must be nearer to raise a doubt; it may be the same person, after all.
And by which a clip that is kept for a character its speaker is not labelled as must lead over everybody else."""
GALLERY = 5
"""Clips of a character, references or of its speakers, from which on it may claim clips of other speakers."""


def judge(
    episodes: Sequence[HeardEpisode],
    speakers: Sequence[Speaker],
    labels: Labels,
    references: Sequence[Reference] = (),
    thresholds: Thresholds | None = None,
    recurring: Mapping[str, str] | None = None,
) -> tuple[Row, ...]:
    """A row for every clip of every speaker labelled with a character, sorted by character and clip.

    `recurring`: clip -> why it is no new speech.

    A clip whose speaker nobody labelled, or only the references did, is kept for another character if
    by itself it is as near to that one as an accepted speaker must be, and clearly nearer than to every
    other speaker of the series, its own too. Else, or if a human labelled its speaker otherwise, it is
    only listed as doubt. Raises ModelsDiffer.
    """
    thresholds = thresholds or PRESETS["balanced"]
    model = one_model([each.model for each in episodes if each.clips] + [each.model for each in references])
    galleries = galleries_of(references)
    owner = {clip: speaker.id for speaker in speakers for clip in speaker.clips}
    heard = [
        (clip, vector, episode)
        for episode in episodes
        for clip, vector in zip(episode.clips, episode.vectors, strict=True)
        if clip.id in owner
    ]
    if not heard:
        return ()
    rejected, again = set(labels.rejected), recurring or {}
    flaws = [flaw(clip, episode.overlap, rejected, thresholds, again) for clip, _, episode in heard]
    persons = [
        None if useless else _person(owner[clip.id], labels) for (clip, _, _), useless in zip(heard, flaws, strict=True)
    ]
    characters = sorted({each.character for each in labels.speakers.values()} - {NOBODY} | set(galleries))
    people = [*characters, *sorted({each for each in persons if each and each.startswith(NOBODY)})]
    vectors = np.stack([vector for _, vector, _ in heard])
    likeness = compare(
        vectors,
        persons,
        galleries,
        people,
        episodes=[clip.episode for clip, _, _ in heard],
        sure=thresholds.sure_purity,
    )
    unlabelled = _unlabelled(vectors, persons)
    known = Counter(persons) + Counter({name: len(vectors) for name, vectors in galleries.items()})
    rule = rule_for(model or "")
    mixture = likeness.mixture if (model or "").startswith(MIXTURES_OF) else np.full(len(heard), np.nan)
    sounds = [
        None if over_loud_background(clip.measurements) else clip.measurements.second_voice_probability
        for clip, _, _ in heard
    ]
    usual = _usual(persons, sounds, likeness.purity >= thresholds.sure_purity)
    rows: list[Row] = []
    for index, (clip, _, _) in enumerate(heard):
        speaker, scores = owner[clip.id], likeness.scores[index]
        found = match(characters, scores[: len(characters)], clip.duration, rule)
        said = labels.character(speaker)
        seen = clip.measurements
        own = usual.get(persons[index] or "", 0.0)
        two = second_voice(float(mixture[index]), sounds[index], int(likeness.known[index]), own)
        if said and said != NOBODY:
            finding = flaws[index] or _voice(likeness, index, thresholds, two)
            if not flaws[index] and finding[1] != "other_voice":
                finding = cut_word(seen, thresholds) or finding
            rows.append(_row(clip, speaker, said, finding, likeness.purity[index], two))
        if not flaws[index] and found.band == "accept" and found.character and found.character != said:
            rivals = [score for name, score in zip(people, scores, strict=True) if name != found.character]
            lead = found.score - _nearest(vectors[index], persons[index], unlabelled, rivals)
            finding = cut_word(seen, thresholds) or _identified(speaker, labels, found, lead, known[found.character])
            rows.append(_row(clip, speaker, found.character, finding, found.margin, None))
    rows.sort(key=lambda row: (row.character, row.clip))
    return without_repeats(rows, {clip.id: vector for clip, vector, _ in heard}, thresholds.max_repeats)


def _usual(persons: Sequence[str | None], sounds: Sequence[float | None], sure: NDArray[np.bool_]) -> dict[str, float]:
    """How much like two each person's sure clips usually sound (`usual_second_voice`)."""
    own: dict[str, list[float]] = {}
    for person, sound, certain in zip(persons, sounds, sure, strict=True):
        if person and sound is not None and certain:
            own.setdefault(person, []).append(sound)
    return {person: usual_second_voice(each) for person, each in own.items()}


def _person(speaker: str, labels: Labels) -> str:
    """Whose gallery a speaker's clips are in, as `purity.compare` reads it."""
    said = labels.character(speaker)
    return f"?{speaker}" if said is None else f"{NOBODY} {speaker}" if said == NOBODY else said


def _row(clip: EpisodeClip, speaker: str, character: str, finding: Finding, purity: float, two: float | None) -> Row:
    verdict, reason, detail = finding
    return Row(
        clip=clip.id,
        episode=clip.episode,
        start=clip.start,
        end=clip.end,
        speaker=speaker,
        character=character,
        verdict=verdict,
        reason=reason,
        detail=detail,
        purity=None if math.isnan(purity) else round(float(purity), 4),
        consistency=clip.consistency,
        measurements=clip.measurements,
        second_voice=two,
        tags=tags(clip.measurements),
    )


def _voice(likeness: Likeness, index: int, least: Thresholds, two: float | None) -> Finding:
    """Whether a sound clip of a labelled speaker is that character's voice, and nobody else's too."""
    own, purity, rival = (float(each[index]) for each in (likeness.own, likeness.purity, likeness.rival))
    if purity < least.min_purity:
        return "dropped", "other_voice", f"nearer to another person by {-purity:.2f}"
    known = int(likeness.known[index])
    if two is not None and two > least.max_second_voice:
        heard = f"a second voice is heard ({two:.3f}; {least.max_second_voice:g} is allowed)"
        if known < GALLERY:
            return "doubt", "overlap", f"{heard}, but only {known} other clips or references are known: listen to it"
        return "dropped", "overlap", heard
    doubts = (
        (known < least.min_gallery,
         f"only {known} other clips or references to compare it with: listen to it, or add references"),
        (own < least.min_likeness, f"likeness {own:.2f} to the character is low"),
        (purity < least.sure_purity, f"as near to another person (lead {purity:.2f})"),
    )  # fmt: skip
    if said := next((said for doubted, said in doubts if doubted), None):
        return "doubt", "unsure", said
    if rival - own > RIVAL_LEAD:
        return "doubt", "unsure", f"nearer to a speaker nobody has labelled, by {rival - own:.2f}"
    return "kept", "good", "" if math.isnan(own) else f"likeness {own:.2f}"


def _unlabelled(vectors: Vectors, persons: Sequence[str | None]) -> dict[str, Figures]:
    """The sum of all useful clips of each speaker nobody labelled; of all, since who sounds like a character whom
    nobody accepted may be a stranger with that voice."""
    found: dict[str, Figures] = {}
    for person, vector in zip(persons, vectors.astype(np.float64), strict=True):
        if person and person.startswith("?"):
            found[person] = found.get(person, 0.0) + vector
    return found


def _nearest(vector: Vectors, own: str | None, unlabelled: Mapping[str, Figures], known: Sequence[float]) -> float:
    """The highest of `known` and of the cosines to speakers nobody labelled, the clip's own without it.

    NaN where its own speaker has no other clip.
    """
    rest = {name: total - vector if name == own else total for name, total in unlabelled.items()}
    lengths = {name: float(np.linalg.norm(total)) for name, total in rest.items()}
    if own in lengths and lengths[own] < 1e-3:
        return math.nan
    near = [float(total @ vector) / lengths[name] for name, total in rest.items()]
    return max((each for each in (*known, *near) if not math.isnan(each)), default=-1.0)


def _identified(speaker: str, labels: Labels, found: Match, lead: float, known: int) -> Finding:
    """A clip that by itself would be this character's, of which so many are known; its speaker is not labelled so."""
    label = labels.speakers.get(speaker)
    near = f"by itself it is this character (likeness {found.score:.2f}, lead {found.margin:.2f})"
    if label is not None and label.how != "auto":
        return "doubt", "identified", f"{near}, but {speaker} was labelled {label.character} by {label.who}"
    if known < GALLERY:
        return "doubt", "identified", f"{near}, but only {known} clips of {found.character} are known"
    if lead >= RIVAL_LEAD:
        return "kept", "identified", near
    if math.isnan(lead):
        return "doubt", "identified", f"{near}, but {speaker} has no other clip"
    return "doubt", "identified", f"{near}, but another speaker is about as near (lead over all {lead:.2f})"


def manifest(
    rows: Sequence[Row], engines: Mapping[str, str], labels: Labels, texts: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of `manifest.jsonl`: measurements and provenance beside the verdict.

    `engines`: stage -> engine; `labels`: what was said about the speakers; `texts`: by clip.
    """
    lines = []
    for row in rows:
        line = encode(row)
        figures = line.pop("measurements")
        figures.pop("fingerprint")
        label = labels.speakers.get(row.speaker)
        text = (texts or {}).get(row.clip)
        lines.append({**line, **figures, "text": text, "engines": dict(engines), "label": encode(label)})
    return lines
