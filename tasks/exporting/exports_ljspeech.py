"""LJSpeech's form: `wavs/` and `metadata.csv` of `id|text|normalised text`, without quotes or a header."""

from __future__ import annotations

from tasks.exporting.exports_material import Layout, Material, field_of_list


def layout(material: Material) -> Layout:
    clips = material.with_text
    texts = {each.name: field_of_list(each.text or "") for each in clips}
    lines = "".join(f"{name}|{text}|{text}\n" for name, text in texts.items())
    return Layout(
        folder="wavs",
        clips=clips,
        texts={"metadata.csv": lines.encode()},
        use="The form of LJSpeech 1.1: give a trainer's `ljspeech` reader this folder. The third field repeats the "
        "second: nothing is normalised. Clips without a text are not in here.",
    )
