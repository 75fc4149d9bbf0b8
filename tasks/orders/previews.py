"""What is asked to show or keep stretches of sound files: preview."""

from __future__ import annotations

from dataclasses import dataclass, replace

from containers.contract import stages
from containers.contract.stages import File
from tasks.studio import Order, Stored, Studio, sent


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A stretch of a sound file that a page shows; `end` None: to its end."""

    file: Stored
    start: float = 0.0
    end: float | None = None


def preview(
    studio: Studio, of: str, excerpts: tuple[Shown, ...], *, lossless: bool = False
) -> Order[stages.PreviewResult]:
    """Players and pictures for a page; kept by what they show, so that nothing is drawn twice. `lossless`: FLAC too."""
    files = {f"in/{each.file.sha256[:16]}": each.file for each in excerpts}
    order = Order(
        stage="preview",
        of=of,
        request=stages.PreviewRequest(
            excerpts=tuple(
                stages.Excerpt(
                    file=File(path=f"in/{each.file.sha256[:16]}", sha256=each.file.sha256),
                    start=each.start,
                    end=each.end,
                )
                for each in excerpts
            ),
            lossless=lossless,
        ),
        result=stages.PreviewResult,
        inputs=files,
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/previews/{studio.identity(order)[:16]}")


def excerpts(
    studio: Studio, episode: str, file: Stored, spans: tuple[tuple[float, float], ...]
) -> Order[stages.PreviewResult]:
    """Stretches of an episode's stem as FLAC, with a player and a picture, kept among its assets."""
    return Order(
        stage="preview",
        of=f"assets of {episode}",
        request=stages.PreviewRequest(
            excerpts=tuple(
                stages.Excerpt(file=sent("background.flac", file), start=start, end=end) for start, end in spans
            ),
            lossless=True,
        ),
        result=stages.PreviewResult,
        inputs={"in/background.flac": file},
        folder=f"{studio.home}/assets/{episode}",
        keep={"out/": ""},
    )


def archive(studio: Studio, name: str, recording: Stored, start: float, end: float) -> Order[stages.PreviewResult]:
    """A stretch of a recording as FLAC, with a player and a picture, under its name in the archive."""
    folder = f"{studio.home}/archive"
    return Order(
        stage="preview",
        of=f"{name} of the archive",
        request=stages.PreviewRequest(
            excerpts=(stages.Excerpt(file=sent("recording.flac", recording), start=start, end=end),), lossless=True
        ),
        result=stages.PreviewResult,
        inputs={"in/recording.flac": recording},
        folder=folder,
        keep={f"out/0000.{ending}": f"{name}.{ending}" for ending in ("flac", "mp3", "png")},
        record=name,
    )
