"""A folder of weights -> the models in it that hear vocals, and how much each one's word counts.

The folder is what the library's own repositories hold: `<signature>.safetensors` with the model's class and
arguments in its metadata, and, for several, a `.yaml` that says how they go together. Pickles are not opened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import yaml
from demucs.apply import BagOfModels
from demucs.hf import load_safetensors_model

from containers.contract.errors import EngineError

VOCALS = "vocals"
_CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs")
"""What a file may name: the library calls whatever class the metadata says, with arguments from there."""


def load_bag(folder: Path) -> BagOfModels:
    """The models of a folder whose vocals count, with the weights of the whole bag; EngineError if it does not fit.

    In htdemucs_ft one model of four is heard for the vocals: the others are not loaded, and need not be there.
    """
    signatures, weights, segment = _definition(folder)
    here = [name for name in signatures if _file(folder, name).is_file()]
    sources = _sources(_file(folder, here[0])) if here else []
    if here and VOCALS not in sources:
        raise EngineError(f"the model in {folder.name} gives {', '.join(sources)}, and no vocals; name another one")
    rows = weights or [[1.0] * len(sources)] * len(signatures)
    pairs = list(zip(signatures, rows, strict=True))
    heard = [(name, row) for name, row in pairs if not here or row[sources.index(VOCALS)]]
    missing = [f"{name}.safetensors" for name, _ in heard if name not in here]
    if missing:
        raise EngineError(
            f"weights {folder.name} lack {', '.join(missing)}; run: voicecast weights fetch {folder.name}"
        )
    models = [_model(_file(folder, name)) for name, _ in heard]
    bag = BagOfModels(models, [row for _, row in heard], segment)
    if bag.audio_channels != 2:
        raise EngineError(f"the model in {folder.name} hears {bag.audio_channels} channels, not 2; name another one")
    if len({model.segment for model in models}) != 1:
        raise EngineError(f"the models in {folder.name} hear segments of different lengths; set `segment` in its yaml")
    return bag.eval()


def _definition(folder: Path) -> tuple[list[str], list[list[float]] | None, float | None]:
    """Signatures, weights a signature and source (None: all alike), and the length of a segment in seconds."""
    definitions = sorted(folder.glob("*.yaml"))
    if len(definitions) == 1:
        bag = yaml.safe_load(definitions[0].read_text("utf-8"))
        return bag["models"], bag.get("weights"), bag.get("segment")
    alone = sorted(folder.glob("*.safetensors"))
    if len(alone) == 1 and not definitions:
        return [alone[0].stem], None, None
    raise EngineError(
        f"weights {folder.name} hold {len(alone)} safetensors and {len(definitions)} yaml; one model, or one yaml that "
        f"says how several go together, is needed. Run: voicecast weights fetch {folder.name}"
    )


def _file(folder: Path, signature: str) -> Path:
    return folder / f"{signature}.safetensors"


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, safetensors.SafetensorError) as error:
        raise EngineError(f"{path.name} cannot be read ({error}); fetch the weights again") from error


def _sources(path: Path) -> list[str]:
    return list(json.loads(_metadata(path).get("kwargs", "{}")).get("sources", ()))


def _model(path: Path) -> Any:
    metadata = _metadata(path)
    if metadata.get("klass") not in _CLASSES:
        raise EngineError(f"{path.name} is no model of Demucs: it names the class {metadata.get('klass')!r}")
    if "structure" in metadata:
        raise EngineError(f"{path.name} is quantized, which needs diffq; name the model that is not")
    return load_safetensors_model(path)
