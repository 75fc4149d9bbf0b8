"""A folder of WAVs and nothing else in it: what RVC, Applio and most trainers of voices take."""

from __future__ import annotations

from tasks.exporting.exports_material import Layout, Material


def layout(material: Material) -> Layout:
    folder = material.character
    return Layout(
        folder=folder,
        clips=material.utterances,
        texts={},
        use=f"Give the trainer the folder `{folder}/` (RVC and Applio: *dataset path*). It holds WAVs only.",
    )
