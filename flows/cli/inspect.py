"""inspect: whether a sound file says that it is synthetic, and whether that still holds.

Exit codes: 0 every file is marked, and its signature holds · 10 a mark without a signature (tags or watermark
alone) · 11 a manifest that the file no longer agrees with · 12 no mark · 2 no sound file, or not readable. Of
several files the last of these in this order counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from containers.contract.stages import MESSAGE_BITS
from flows.cli.terminal import say
from tasks.trust.provenance_found import Found

WORDS = {
    "marked": "synthetic; signed, and unchanged since",
    "unsigned": "says it is synthetic; nothing signed holds it",
    "changed": "changed since it was signed",
    "unmarked": "nothing says that it is synthetic (which does not mean that it is not)",
    "unreadable": "not readable",
}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Exit codes: 0 marked and valid, 10 mark without a signature, 11 changed, 12 no mark, 2 unreadable."
    )(inspect)


def inspect(
    files: Annotated[list[Path], typer.Argument(help="Sound files: WAV, FLAC, MP3; tags also of Ogg and MP4")],
    json: Annotated[bool, typer.Option("--json", help="A list of what was found, for scripts")] = False,
    trust: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of signers you know, beside this installation's own")
    ] = None,
) -> None:
    """Tell what sound files say of themselves: synthetic or not, whose voice, signed by whom, changed since or not."""
    from containers.contract.codec import canonical
    from tasks.trust.provenance_found import inspect as look
    from tasks.trust.provenance_found import worst

    known = trust.read_bytes() if trust else b""
    found = [look(path, known) for path in files]
    if json:
        say(canonical(found).strip())
    else:
        for each in found:
            _tell(each)
    raise typer.Exit(worst(found))


def _tell(found: Found) -> None:
    say(f"{found.file}: {WORDS[found.verdict]}", style="green" if found.verdict == "marked" else "yellow")
    if found.problem:
        say(f"  {found.problem}")
    said = found.credentials
    if said:
        whose = f", signed by {said.signer}" if said.signer else ""
        known = {"trusted": " (known here)", "valid": " (not known here)"}.get(said.state, "")
        wrong = f": {', '.join(said.problems)}" if said.problems else ""
        say(f"  C2PA manifest: {said.state}{whose}{known}{wrong}")
    stated = (said.claims if said else None) or found.tags
    if found.tags is None:
        say("  tags: none of voicecast")
    if stated:
        say("  " + ", ".join(f"{name} {value}" for name, value in stated.items() if name != "digital_source_type"))
    if found.watermark:
        mark = found.watermark
        read = "cannot read this file" if mark.certainty is None else f"certainty {mark.certainty}"
        ours = "" if mark.our_bits is None else f", {mark.our_bits} of its {MESSAGE_BITS} bits are voicecast's"
        say(
            "  watermark: not checked (no detector is installed)"
            if mark.checked is None
            else f"  watermark: {mark.checked}, {read}{ours}"
        )
