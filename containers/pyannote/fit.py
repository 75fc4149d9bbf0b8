"""Fit the installed libraries to the build of torch; run once, after installing, by the environment's Python.

torchaudio from a package registry is a CUDA build of another torch. Here only what it has in Python is used
(Kaldi's filter bank), and it does without its compiled library where that is missing.
"""

import importlib.util
from pathlib import Path


def main() -> None:
    found = importlib.util.find_spec("torchaudio")
    if found is None or found.origin is None:
        raise SystemExit("torchaudio is not installed; install containers/pyannote/requirements.txt first")
    for library in Path(found.origin).parent.glob("lib/*.so"):
        library.unlink()


if __name__ == "__main__":
    main()
