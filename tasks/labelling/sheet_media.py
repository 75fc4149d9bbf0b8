"""The sounds of the label sheet: a player and a picture of each clip, made when they are first wanted.

A clip without them is still heard: browsers play the clip itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from containers.contract.errors import StageError
from tasks import orders
from tasks.labelling.decisions import Labels
from tasks.labelling.label_sheet import Heard, SheetClip, more_clips
from tasks.orders import Shown
from tasks.series import SeriesError
from tasks.speakers.references import references_of
from tasks.studio import Stored, Studio

log = logging.getLogger("voicecast.sheet")

KNOWN_SECONDS = 8.0
"""How much of a reference is heard."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Files of the store to hear and see a clip by; `of`: the clip, or whose reference it is."""

    of: str
    player: Stored
    picture: Stored | None = None


def sounds_of(studio: Studio, heard: Heard, speaker: str) -> tuple[Sound, ...]:
    """A sound for each of the speaker's clips on the sheet."""
    return _sounds_of(studio, heard, speaker, heard.clips[speaker])


def more_sounds_of(studio: Studio, heard: Heard, speaker: str) -> tuple[Sound, ...]:
    """A sound for each of the clips that a person asked for beyond them."""
    return _sounds_of(studio, heard, speaker, more_clips(heard, speaker))


def _sounds_of(studio: Studio, heard: Heard, speaker: str, clips: Sequence[SheetClip]) -> tuple[Sound, ...]:
    hashes = {clip.id: clip.sha256 for clip in heard.voices[speaker].clips}
    shown = [(each.id, Shown(file=_clip(studio, each.id, hashes[each.id]))) for each in clips]
    return _sounds(studio, f"clips of {speaker}", shown) if shown else ()


def known_sound(studio: Studio, heard: Heard, labels: Labels, character: str) -> Sound | None:
    """Something of a character that is known: a reference, else a clip of a speaker that a person, or else the
    references, named so."""
    known = known_file(studio, heard, labels, character)
    if known is None:
        return None
    of, file = known
    return _sounds(studio, f"what is known of {character}", [(of, Shown(file=file, end=KNOWN_SECONDS))])[0]


def known_file(studio: Studio, heard: Heard, labels: Labels, character: str) -> tuple[str, Stored] | None:
    """What `known_sound` is of, and its file."""
    recording = _reference(studio, character)
    if recording:
        return f"reference of {character}", recording
    named = [
        (label.how != "auto", len(heard.voices[speaker].clips), speaker)
        for speaker, label in labels.speakers.items()
        if label.character == character and speaker in heard.voices
    ]
    if not named:
        return None
    voice = heard.voices[max(named)[-1]]
    clip = voice.clips[int((voice.vectors @ voice.core).argmax())]
    return clip.id, _clip(studio, clip.id, clip.sha256)


def _reference(studio: Studio, character: str) -> Stored | None:
    """The recording of a character's first reference, as a preparation left it."""
    try:
        references = references_of(studio)
    except SeriesError:
        return None
    for slug, source in references:
        made = studio.find(orders.extract_given(studio, slug, source)) if slug == character else None
        if made:
            return made.stored(made.result.recording)
    return None


def _clip(studio: Studio, clip: str, sha256: str) -> Stored:
    key = f"{studio.home}/episodes/{clip.replace('/', '/clips/')}.flac"
    return Stored(key=key, sha256=sha256)


def _sounds(studio: Studio, of: str, shown: Sequence[tuple[str, Shown]]) -> tuple[Sound, ...]:
    try:
        made = studio.make(orders.preview(studio, of, tuple(each for _, each in shown)))
    except (StageError, LookupError) as error:
        log.warning("%s are played as they were cut, without pictures: %s", of, error)
        return tuple(Sound(of=name, player=each.file) for name, each in shown)
    return tuple(
        Sound(of=name, player=made.stored(each.player), picture=made.stored(each.picture))
        for (name, _), each in zip(shown, made.result.previews, strict=True)
    )
