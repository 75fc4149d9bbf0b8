"""Weights laid out as audio-separator wants them, so that it finds all it looks for and asks no network.

The library knows a model by a list it would download. The list laid here holds one model, the weights' own, so
that models of one's own making are found like published ones.
"""

from __future__ import annotations

import json
from pathlib import Path

from containers.contract.errors import EngineError

_LISTS = (
    "vr_download_list",
    "mdx_download_list",
    "mdx_download_vip_list",
    "demucs_download_list",
    "mdx23c_download_list",
    "mdx23c_download_vip_list",
    "roformer_download_list",
)
_WITH_SETTINGS = (".ckpt", ".safetensors")
"""RoFormer and MDX23C; torch.load itself tells the two forms apart."""
_PARAMETERS = ("mdx_model_data.json", "vr_model_data.json")
"""What UVR knows of models without a file of their own, by their MD5; the library brings some more."""


def lay(weights: Path, target: Path) -> str:
    """Links to the files of the weights, and the list that names them; the model's file name.

    Raises EngineError for a folder that holds no model or several, or half of one.
    """
    name = weights.name
    models = [path for path in sorted(weights.iterdir()) if path.suffix in (*_WITH_SETTINGS, ".onnx", ".pth")]
    settings = [path for path in sorted(weights.iterdir()) if path.suffix in (".yaml", ".yml")]
    if len(models) != 1 or len(settings) > 1:
        found = ", ".join(sorted(path.name for path in weights.iterdir())) or "nothing"
        raise EngineError(
            f"weights {name} must hold one model (.onnx, .pth, or .ckpt with its .yaml), they hold {found}; "
            f"run: voicecast weights verify {name}"
        )
    file = models[0].name
    if file.endswith(_WITH_SETTINGS) and not settings:
        raise EngineError(f"weights {name} lack the .yaml of {file}; run: voicecast weights verify {name}")
    lists: dict[str, dict[str, object]] = {key: {} for key in _LISTS}
    if settings:
        lists["roformer_download_list"][name] = {file: settings[0].name}
    else:
        lists["mdx_download_list" if file.endswith(".onnx") else "vr_download_list"][name] = file
    for path in [*models, *settings]:
        (target / path.name).symlink_to(path.absolute())
    for parameters in _PARAMETERS:
        known = weights / parameters
        (target / parameters).write_text(known.read_text("utf-8") if known.exists() else "{}", "utf-8")
    (target / "download_checks.json").write_text(json.dumps(lists), "utf-8")
    return file
