"""Two series that no rule was made on, from a seed: other people, music, lengths, levels, formats and file names.

    CASES=... python -m tests.bench.stranger_series FOLDER [--speech LIBRISPEECH] [--seed 1] [--episodes 4]

`--speech`: a folder of LibriSpeech in which seven speakers have several recordings (audio_data of Resemblyzer's
repository has); it makes FOLDER/en. Without it FOLDER/ja, whose people are Open JTalk's one voice, moved by WORLD, and
whose walk-ons are the readers of CASES. Each is a series.yaml, refs/, episodes of 170 to 230 s, and truth/.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pyopenjtalk
import soundfile
import yaml
from scipy import signal

from tests.bench.stranger_scenes import ENGLISH, JAPANESE, RATE, Episode, Role, Samples, Stage, level, moved, spoken, up

REFERENCE_LINES = 4
NAMES = (
    "Season 1/[Grp] The Show's - 01 【BD】 🎬.mkv",
    "Season 1/-02 Café.mkv",
    "Season 2/The Show S02E01 (1080p) " + "very " * 30 + "long.mkv",
    "Season 2/The Show S02E02 100%.mp4",
)
"""Brackets, an apostrophe, an emoji; a leading dash and a decomposed accent; 200 bytes; a per cent sign."""
WHO = ("駅前の店が", "古い橋が", "弟の自転車が", "隣の犬が", "港の船が", "学校の時計が", "山の天気が", "父の手紙が")
HOW = ("昨日から", "思ったより", "いつの間にか", "誰も知らないうちに", "冬になると", "雨の日だけ", "一晩で", "急に")
WHAT = ("見つからない。", "静かになった。", "変わってしまった！", "気になるんだ。", "止まったらしい。", "きれいだね。")
CODED = ("-c:a aac -b:a 160k", "-c:a ac3", "-c:a libopus -b:a 96k", "-c:a aac -ar 44100")
COMMENTARY = ["-metadata:s:a:1", "title=Director's commentary", "-disposition:a:1", "comment"]
VARIABLE = ["-vf", "select='not(mod(n,3))+lt(mod(n,50),20)'", "-fps_mode", "vfr"]
PICTURE = "color=c=teal:s=160x90:r=24000/1001"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stranger_series", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=4)
    options = parser.parse_args()
    draw, cases = np.random.default_rng(options.seed), Path(os.environ["CASES"])
    if options.speech:
        roles, language, extras = ENGLISH, "en", _walk_ons(options.speech)
        said = {role.name: list(_recorded(options.speech, role)) for role in roles}
    else:
        roles, language, extras = JAPANESE, "ja", sorted((cases / "japanese").glob("common_voice_*.flac"))
        texts = iter(draw.permutation(["".join(each) for each in itertools.product(WHO, HOW, WHAT)]))
        said = {role.name: list(_synthesized(texts, role, 34 * options.episodes // 4 + 8)) for role in roles}
    draw.shuffle(extras)  # type: ignore[arg-type]
    folder = options.folder / language
    _write_series(folder, language, roles)
    for role in roles:
        draw.shuffle(said[role.name])  # type: ignore[arg-type]
        kept, said[role.name] = said[role.name][:REFERENCE_LINES], said[role.name][REFERENCE_LINES:]
        for number, plain in enumerate(kept if role.referenced else ()):
            path = folder / "refs" / role.name / f"ref {number}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, level(plain), RATE)
    sung, rate = soundfile.read(cases / "singing/lets_go_fishin_45s.ogg", dtype="float64", always_2d=True)
    song = np.stack([up(side, rate) for side in sung.T], axis=1)
    stage = Stage(draw, said, extras)
    for number, (name, opening) in enumerate(zip(NAMES, (0.0, 21.0, 0.0, 33.0), strict=True)):
        if number < options.episodes:
            _publish(folder, name, number, stage.episode(float(draw.uniform(170, 230)), song * 0.5, opening))


def _recorded(speech: Path, role: Role) -> Iterator[Samples]:
    for path in sorted(speech.glob(f"**/{role.source}/*.flac")):
        yield from spoken(path, role)


def _synthesized(texts: Iterator[str], role: Role, count: int) -> Iterator[Samples]:
    for text in itertools.islice(texts, count):
        samples, rate = pyopenjtalk.tts(str(text))
        samples = signal.resample_poly(samples / 32768, 1, 2)
        yield up(moved(samples, rate // 2, role.pitch, role.formants), rate // 2)


def _walk_ons(speech: Path) -> list[Path]:
    """People of whom there is one recording."""
    return sorted(path for path in speech.glob("**/*.flac") if not path.parent.name.isdigit())


def _write_series(folder: Path, language: str, roles: Sequence[Role]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rights = {"basis": "made speech or CC BY 4.0 recordings, for measuring", "by": "the bench", "date": "2026-11-26"}
    characters = {
        role.name: {"name": role.name.title(), "rights": rights}
        | ({"references": f"refs/{role.name}/*"} if role.referenced else {})
        for role in roles
    }
    said = {
        "series": f"stranger-{language}",
        "episodes": ["episodes/**/*.mkv", "episodes/**/*.mp4"],
        "language": language,
        "characters": characters,
    }
    (folder / "series.yaml").write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), "utf-8")


def _publish(folder: Path, name: str, number: int, made: Episode) -> None:
    """As a video: AAC; AC-3 5.1 with the dialogue in the centre; Opus beside a commentary; 44.1 kHz in MP4, VFR."""
    path = folder / "episodes" / unicodedata.normalize("NFD" if number == 1 else "NFC", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    centre = made.voices[:, None]
    stereo = made.music + centre * 0.9
    mixes = [stereo]
    if number == 1:
        low, rear = np.zeros_like(centre), made.music * 0.3
        mixes = [np.concatenate([made.music, centre * 1.2, low, rear], axis=1)]
    if number == 2:
        mixes = [stereo * 0.5, stereo * 0.25 + made.music * 0.2]
    files = [path.with_suffix(f".{each}.wav") for each in range(len(mixes))]
    for file, mix in zip(files, mixes, strict=True):
        soundfile.write(file, np.clip(mix, -1, 1), RATE, subtype="PCM_16")
    inputs = [word for file in files for word in ("-i", str(file))]
    maps = [word for each in range(len(files)) for word in ("-map", f"{each + 1}:a")]
    how = [*(VARIABLE if number == 3 else ()), *CODED[number].split(), *(COMMENTARY if number == 2 else ())]
    picture = ["-f", "lavfi", "-i", PICTURE, *inputs, "-map", "0:v", *maps, "-c:v", "libx264", "-preset", "ultrafast"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", "-y", *picture, *how, "-shortest", f"file:{path}"], check=True)
    for file in files:
        file.unlink()
    truth = folder / "truth" / f"{number}.json"
    truth.parent.mkdir(exist_ok=True)
    truth.write_text(json.dumps({"file": path.name, "seconds": made.length, "turns": made.turns}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
