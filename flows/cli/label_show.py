"""What the terminal shows and plays of a speaker who is asked about."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.cli.terminal import console, say
from tasks.domain import Speaker, Suggestion
from tasks.labelling.decisions import Labels
from tasks.labelling.label_form import doubts
from tasks.labelling.label_sheet import Heard, SheetClip
from tasks.studio import Studio

PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"), ("mpv", "--no-video", "--really-quiet"),
    ("pw-play",), ("play", "-q"), ("afplay",), ("aplay", "-q"),
)  # fmt: skip
HELP = """\
p        play all clips; p2 the second      r1       play what is known of character 1
x2       use this clip for nobody           o2,4     another voice: take these clips out of this speaker
more     more clips, the least alike first  c        play who sounds most like this speaker
n nobody · + a new character · s skip · u undo · q quit"""


def show(
    studio: Studio, heard: Heard, speaker: Speaker, found: Suggestion, place: str, slugs: Mapping[str, str]
) -> None:
    """A speaker, as far as words can say it, and the keys."""
    console.rule(f"{speaker.id} ({place})")
    episodes = ", ".join(speaker.episodes[:6]) + (" ..." if len(speaker.episodes) > 6 else "")
    many = len(speaker.clips)
    long = f"{speaker.seconds:.0f} s" if speaker.seconds < 60 else f"{speaker.seconds / 60:.1f} min"
    say(f"{long} in {many} clip{'' if many == 1 else 's'} of {episodes}")
    if found.character:
        second = [each for each in heard.likely.get(speaker.id, ()) if each.who != found.character][:1]
        then = "".join(f"; then {each.who} ({each.score:.2f})" for each in second)
        say(f"nearest: {found.character} ({found.score:.2f}, {found.margin:+.2f} over the second){then}")
    near = ", ".join(f"{each.who} ({each.score:.2f})" for each in heard.alike.get(speaker.id, ()))
    if near:
        say(f"sounds most like: {near}")
    for doubt in doubts(speaker, found):
        say(doubt)
    keys = [f"{key} {studio.series.characters[slug].name}" for key, slug in slugs.items()]
    if len(studio.series.characters) > len(slugs):
        keys.append("or a character's id")
    keys += ["n nobody", "+ new", "s skip", "p play", "x2 spoiled", "o2 other voice", "u undo", "q quit", "? more"]
    console.print("  ".join(keys), markup=False, highlight=False)


def show_clips(studio: Studio, clips: Sequence[SheetClip], labels: Labels) -> None:
    """Clips with the numbers they are played and taken out by."""
    for number, clip in enumerate(clips, start=1):
        odd = "  least like the rest" if clip.odd else ""
        out = "  used for nobody" if clip.id in labels.rejected else ""
        say(f"  {number}  {clip.episode} {clip.duration:.1f} s  {path_of(studio, clip)}{odd}{out}")


def path_of(studio: Studio, clip: SheetClip) -> Path:
    """The file of a clip."""
    return studio.store.path(f"{studio.home}/episodes/{clip.id.replace('/', '/clips/')}.flac")


def play(paths: Sequence[Path]) -> None:
    """Play sound files with whatever player the machine has."""
    player = next((each for each in PLAYERS if shutil.which(each[0])), None)
    if player is None:
        say(f"No player found ({', '.join(each[0] for each in PLAYERS)}); open the files instead:")
    for path in paths:
        say(f"  {path}")
        if player and (why := _not_played(player, path)):
            say(f"{player[0]} cannot play it here ({why}); open the files instead.", style="yellow")
            player = None


def _not_played(player: Sequence[str], path: Path) -> str:
    """What a player complains about; "" if it played the file."""
    done = subprocess.run([*player, str(path)], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode == 0:
        return ""
    said = [each.strip() for each in done.stderr.decode("utf-8", "replace").splitlines() if each.strip()]
    return said[-1] if said else f"exit code {done.returncode}"
