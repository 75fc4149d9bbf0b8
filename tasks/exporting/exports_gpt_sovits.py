"""GPT-SoVITS: a list of `wav|speaker|language|text`, as its `prepare_datasets` scripts read it."""

from __future__ import annotations

from tasks.exporting.exports_material import ExportError, Layout, Material, field_of_list

LANGUAGES = ("zh", "ja", "en", "ko", "yue")
"""What the project's `1-get-text.py` can train on."""


def layout(material: Material) -> Layout:
    if material.language not in LANGUAGES:
        raise ExportError(
            f"GPT-SoVITS has no {material.language!r}; it trains on {', '.join(LANGUAGES)}. Export another format"
        )
    clips = material.with_text
    lines = "".join(
        f"wavs/{each.file}|{material.character}|{material.language}|{field_of_list(each.text or '')}\n"
        for each in clips
    )
    return Layout(
        folder="wavs",
        clips=clips,
        texts={f"{material.character}.list": lines.encode()},
        use=f"*Text labelling file*: `{material.character}.list`; *audio dataset folder*: `wavs/` (both by their whole "
        "paths). Clips without a text are not in here.",
    )
