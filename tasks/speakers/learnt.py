"""What a series' own labels teach: references from approved speech, and thresholds that suit the series.

Only people's labels teach, and of their speakers only clips that pass the verdicts of a data set, so that one
mistaken turn is no reference. Thresholds move within bounds, and less the fewer labels there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.clips.dataset import judge
from tasks.domain import NOBODY, HeardEpisode, Reference, Speaker, Vectors
from tasks.labelling.decisions import Labels
from tasks.speakers.cast import ASK_ABOUT_ALL, Rule, core, examples_of, galleries_of, match

CLIPS_EACH = 12
"""Clips of a character in an episode that become references, the longest."""
EPISODES = 40
"""Episodes that thresholds are learnt from, spread over the series."""
PIECE_SECONDS = 3.0
"""Speech of a speaker in an episode, at least, to learn from."""
LOWER, HIGHER, ASK_HIGHER = 0.03, 0.05, 0.12
"""How far `accept` and `ask` of a calibrated model may move, in cosines."""
TRIALS = 30
"""Refusals that were tried, from which on labels weigh as much as the calibration."""
LEAST = 8
"""Trials of either kind from which a model that nobody calibrated may accept."""


def by_people(labels: Labels) -> Labels:
    """What people said, without what references decided."""
    return replace(labels, speakers={name: each for name, each in labels.speakers.items() if each.how != "auto"})


def learnt_references(
    episodes: Sequence[HeardEpisode], speakers: Sequence[Speaker], labels: Labels, references: Sequence[Reference]
) -> tuple[Reference, ...]:
    """References from the speech of speakers whom people labelled, one for each character and episode.

    Of a character without any sure clip, as one of two roles of an actor may be, those that lead teach: a person has
    told the two apart, and without references the next episodes' would all go to the other role.
    """
    said = by_people(labels)
    theirs = [each for each in speakers if each.id in said.speakers]
    heard = [_only(episode, {clip for each in theirs for clip in each.clips}) for episode in episodes]
    judged = judge(heard, theirs, said, references)
    rows = [row for row in judged if (row.verdict, row.reason) == ("kept", "good")]
    sure = {row.character for row in rows}
    leading = [row for row in judged if row.reason == "unsure" and (row.purity or 0.0) > 0]
    rows += [row for row in leading if row.character not in sure]
    kept: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for row in rows:
        kept.setdefault((row.character, row.episode), []).append((-row.duration, row.clip))
    at = {each.episode: each for each in heard}
    found = []
    for (character, name), clips in sorted(kept.items()):
        longest = {clip for _, clip in sorted(clips)[:CLIPS_EACH]}
        chosen = [row for row, clip in enumerate(at[name].clips) if clip.id in longest]
        found.append(
            Reference(character=character, model=at[name].model, vectors=at[name].vectors[chosen], episode=name)
        )
    return tuple(found)


def _only(episode: HeardEpisode, clips: set[str]) -> HeardEpisode:
    rows = [row for row, clip in enumerate(episode.clips) if clip.id in clips]
    return replace(episode, clips=tuple(episode.clips[row] for row in rows), vectors=episode.vectors[rows])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A labelled speaker in one episode, judged by references from elsewhere. `right`: the character is the
    speaker's; else accepting would have been a mistake. `strength`: what `accept` is compared with."""

    right: bool
    score: float
    strength: float


def calibrated(
    rule: Rule,
    episodes: Sequence[HeardEpisode],
    speakers: Sequence[Speaker],
    labels: Labels,
    references: Sequence[Reference],
) -> Rule:
    """The rule, moved by what people's labels show; `references`: given and learnt ones."""
    said = {name: each.character for name, each in by_people(labels).speakers.items()}
    whose = {clip: said[each.id] for each in speakers if each.id in said for clip in each.clips}
    owner = {clip: each.id for each in speakers if each.id in said for clip in each.clips}
    heard = [each for each in episodes if any(clip.id in whose for clip in each.clips)]
    if not heard or not references:
        return rule
    if rule is ASK_ABOUT_ALL:
        rule = _scale_of(heard, whose, rule)
    picked = sorted({round(at) for at in np.linspace(0, len(heard) - 1, min(len(heard), EPISODES))})
    trials = [each for index in picked for each in _trials(heard[index], owner, whose, references, rule)]
    return _learn(rule, trials)


def _scale_of(heard: Sequence[HeardEpisode], whose: dict[str, str], rule: Rule) -> Rule:
    """The rule of a model nobody calibrated, with what strangers score by it: the median of two people's cosine."""
    people: dict[str, list[Vectors]] = {}
    for episode in heard:
        for clip, vector in zip(episode.clips, episode.vectors, strict=True):
            if whose.get(clip.id, NOBODY) != NOBODY:
                people.setdefault(whose[clip.id], []).append(vector)
    means = [core(np.stack(each), np.ones(len(each))) for each in people.values()]
    if len(means) < 3:
        return rule
    near = (np.stack(means) @ np.stack(means).T)[np.triu_indices(len(means), 1)]
    return replace(rule, stranger=round(float(np.median(near)), 4))


def _trials(
    episode: HeardEpisode, owner: dict[str, str], whose: dict[str, str], references: Sequence[Reference], rule: Rule
) -> Iterator[Trial]:
    """Each labelled speaker of the episode as if nobody had labelled it; with and without its own character."""
    elsewhere = examples_of(galleries_of([each for each in references if each.episode != episode.episode]), rule)
    pieces: dict[str, list[int]] = {}
    for row, clip in enumerate(episode.clips):
        if clip.id in owner:
            pieces.setdefault(owner[clip.id], []).append(row)
    for _, rows in sorted(pieces.items()):
        lengths = np.array([episode.clips[row].duration for row in rows])
        seconds = float(lengths.sum())
        if seconds < PIECE_SECONDS or not elsewhere.characters:
            continue
        character = whose[episode.clips[rows[0]].id]
        scores = elsewhere.scores(core(episode.vectors[rows], lengths)[None])[0]
        others = np.array([name != character for name in elsewhere.characters])
        if not others.all():
            yield _trial(elsewhere.characters, scores, seconds, character, rule)
        if others.any():
            yield _trial(elsewhere.characters, np.where(others, scores, np.nan), seconds, character, rule)


def _trial(characters: Sequence[str], scores: np.ndarray, seconds: float, character: str, rule: Rule) -> Trial:
    found = match(characters, scores, seconds, rule)
    strength = found.score + found.margin / 2 + rule.short / max(seconds, 1.0)
    return Trial(right=found.character == character, score=found.score, strength=strength)


def _learn(rule: Rule, trials: Sequence[Trial]) -> Rule:
    right = np.array([each.strength for each in trials if each.right])
    wrong = np.array([each.strength for each in trials if not each.right])
    if len(wrong) < LEAST or len(right) < LEAST:
        return rule
    low, high = float(np.quantile(right, 0.1)), float(wrong.max())
    between = max((low + high) / 2, high + float(wrong.std()) / 2)
    scores = [each.score for each in trials if each.right]
    if rule.accept == float("inf"):
        least = float(np.min(scores)) - 0.1
        return replace(rule, accept=round(between, 4), margin=0.02, ask=round(max(least, rule.ask), 4))
    weight = min(len(wrong) / TRIALS, 1.0)
    accept = rule.accept + weight * (between - rule.accept)
    ask = min(max(float(np.min(scores)) - 0.05, rule.ask), rule.ask + ASK_HIGHER)
    return replace(
        rule,
        accept=round(min(max(accept, rule.accept - LOWER), rule.accept + HIGHER), 4),
        ask=round(rule.ask + weight * (ask - rule.ask), 4),
    )
