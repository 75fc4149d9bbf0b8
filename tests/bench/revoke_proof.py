"""The end of a voice, on a finished series of real sound: is anything of it left, and is anything else touched?

`voicecast demo && python -m tests.bench.revoke_proof demo/series.yaml demo/store haruto` works on a copy. Everything
that lay below the character's folders, and its clips, is looked for again by content (SHA-256) in every file that is
left, the members of safetensors among them being the file's own bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.opening import open_series
from tasks.trust.rights_derived import plan

SHARED = ("recording.flac", "vocals.flac", "background.flac")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("character")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        shutil.copytree(given.store, store)
        print(json.dumps(measured(given.config, store, given.character), indent=1))


def measured(config: Path, store: Path, character: str) -> dict[str, object]:
    before = digests(store)
    planned = plan(open_series(str(config), str(store)), character)
    theirs = {before[key] for key in planned.keys if key in before}
    elsewhere = {key: sha for key, sha in before.items() if key not in planned.keys}
    kept_too = theirs & set(elsewhere.values())
    told = ("--config", config, "--store", store, "--character", character)
    erased = voicecast("revoke", *told, "--by", "the bench", "--reason", "a measurement", "--erase")
    after = digests(store)
    refused = voicecast("speak", *told, "--text", "はい", "--output", store.parent / "line.wav")
    others = {key: sha for key, sha in elsewhere.items() if is_anothers(key, character)}
    return {
        "character": character,
        "files_before": len(before),
        "keys_erased": len(before.keys() - after.keys()),
        "clips_erased": planned.clips_count,
        "erased_contents_found_again": sorted(key for key, sha in after.items() if sha in theirs - kept_too),
        "files_of_others_and_of_whole_episodes": len(others),
        "of_these_changed": sorted(key for key, sha in others.items() if after.get(key) != sha),
        "exit_code": erased.returncode,
        "speaking_after_exit_code": refused.returncode,
        "speaking_after_says": refused.stderr.strip()[:200],
        "outside_named": erased.stdout.count("not in the store"),
    }


def is_anothers(key: str, character: str) -> bool:
    """Data sets, voices and lines of the others, and episodes as a whole."""
    parts = key.split("/")
    folders = len(parts) > 3 and parts[2] in ("characters", "voices", "speech") and parts[3] != "converted"
    return character not in parts and (folders or parts[-1] in SHARED)


def digests(store: Path) -> dict[str, str]:
    paths = (each for each in store.rglob("*") if each.is_file() and each.name != "alive")
    return {each.relative_to(store).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in paths}


def voicecast(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


if __name__ == "__main__":
    main()
