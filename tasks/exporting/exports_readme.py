"""README.md of an export: what this is, on whose right, and where every clip comes from."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import yaml

from tasks.exporting.exports_material import Layout, Material, one_line

NOTE = (
    "These are recordings of a person's voice. They were exported because the rights above are recorded; whoever uses "
    "them needs those rights too. Speech made with a voice that learnt from them is synthetic and has to be marked so."
)


def readme(material: Material, layout: Layout, format: str) -> str:
    """Markdown, with a YAML head where the format has one."""
    head = yaml.safe_dump(dict(layout.card), allow_unicode=True, sort_keys=False) if layout.card else ""
    clips = layout.clips
    rows: dict[str, str] = {
        "Series": f"{material.title} (`{material.series}`)",
        "Character": f"{material.name} (`{material.character}`)",
        "Language": material.language,
        "Clips": f"{len(clips)}, {sum(each.duration for each in clips) / 60:.1f} minutes, WAV, mono, 16-bit, "
        f"{'/'.join(sorted({f'{each.sample_rate_hz} Hz' for each in clips}))}",
        "With a text": f"{sum(each.text is not None for each in clips)}",
        "Episodes": ", ".join(sorted({str(each.row["episode"]) for each in clips})),
        "Engines": ", ".join(_engines(layout)),
        "Labelled by": ", ".join(_labelled_by(layout)) or "nobody",
    }
    about = "\n".join(f"| {name} | {_plain(value)} |" for name, value in rows.items())
    rights = "\n".join(f"| {_plain(name)} | {_plain(value)} |" for name, value in material.rights.items())
    parts = (
        f"# {_plain(material.name)}, {format}",
        f"Exported by voicecast.\n\n| | |\n|---|---|\n{about}",
        f"## Rights\n\n| | |\n|---|---|\n{rights}\n\n{NOTE}",
        f"## Use\n\n{layout.use}",
        "## Provenance\n\n`manifest.jsonl` has a row for each clip: episode and timecode, engines, every figure that "
        "was measured, why it was kept, and who said whose voice it is.",
    )
    return (f"---\n{head}---\n\n" if head else "") + "\n\n".join(parts) + "\n"


def _engines(layout: Layout) -> list[str]:
    return sorted({f"{stage}: {engine}" for each in layout.clips for stage, engine in each.row["engines"].items()})


def _labelled_by(layout: Layout) -> list[str]:
    found: list[Mapping[str, Any]] = [each.row["label"] for each in layout.clips if each.row.get("label")]
    return sorted({f"{each['who']} ({each['how']})" for each in found})


def _plain(text: str) -> str:
    """A text of others that cannot become markup: one line, no HTML, no bars, links or emphasis."""
    escaped = html.escape(one_line(str(text)), quote=False)
    return "".join(f"\\{each}" if each in "\\[]*_#|`!" else each for each in escaped).replace("\\`", "`")
