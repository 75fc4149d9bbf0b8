"""Fits torchaudio to any build of torch; run once after installing, by the environment's interpreter.

torchcrepe imports torchaudio to read files, which the rvc engine leaves to soundfile. torchaudio's own libraries
are built for one version and build of torch (CUDA) and stop the import beside any other; without them it imports.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    spec = find_spec("torchaudio")
    if spec is None or spec.origin is None:
        raise SystemExit("torchaudio is not installed; install containers/rvc/requirements.txt first")
    for library in sorted((Path(spec.origin).parent / "lib").glob("*.so")):
        library.unlink()


if __name__ == "__main__":
    main()
