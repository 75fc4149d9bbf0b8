"""Tiny weights of the pyannote engine: `python tests/contract/tiny/pyannote.py OUT`.

Checkpoints in the library's own format. The segmentation is a small PyanNet whose last layer is fitted to two
buzzing voices, so that it hears sound and silence apart. The embedding is a whole ResNet34 whose weights are
views of one small piece of noise, which keeps the file small.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

sys.path[:] = [each for each in sys.path if Path(each).resolve() != Path(__file__).resolve().parent]  # our own name

import containers.pyannote  # noqa: E402, F401 (telemetry off)

# isort: split
import numpy as np  # noqa: E402
import torch  # noqa: E402
from pyannote.audio import Model, __version__  # noqa: E402
from pyannote.audio.core.task import Problem, Resolution, Specifications  # noqa: E402
from pyannote.audio.models.embedding import WeSpeakerResNet34  # noqa: E402
from pyannote.audio.models.segmentation import PyanNet  # noqa: E402

RATE_HZ = 16000
SECONDS = 5.0
"""Of a stretch that the segmentation hears at once."""
COMMUNITY_1 = """\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    segmentation_step: 0.5
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering: {threshold: 0.6, Fa: 0.07, Fb: 0.8}
  segmentation: {min_duration_off: 0.3}
"""
"""As the hub's, but for a larger step, and pauses closed: a small model stutters."""
VERSION_3_1 = """\
version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: pyannote/wespeaker-voxceleb-resnet34-LM
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    segmentation: pyannote/segmentation-3.0
    segmentation_batch_size: 32
    segmentation_step: 0.5
params:
  clustering: {method: centroid, min_cluster_size: 12, threshold: 0.7045654963945799}
  segmentation: {min_duration_off: 0.0}
"""


for kind in (Problem, Resolution):  # Python 3.11.0 to 3.11.3 pickle members of an enumeration by getattr
    kind.__reduce_ex__ = lambda member, _: (type(member), (member.value,))


def main(out: Path) -> None:
    torch.manual_seed(0)
    community(out / "speaker-diarization-community-1")
    save(embedding(), out / "wespeaker-voxceleb-resnet34-LM")
    (out / "options.json").write_text(json.dumps({}) + "\n", "utf-8")


def community(folder: Path) -> Path:
    """A pipeline's folder as pyannote/speaker-diarization-community-1 has it."""
    save(segmentation(), folder / "segmentation")
    save(embedding(), folder / "embedding")
    plda(folder / "plda")
    (folder / "config.yaml").write_text(COMMUNITY_1, "utf-8")
    return folder


def version_3_1(folder: Path) -> Path:
    """A pipeline's folder as pyannote/speaker-diarization-3.1 has it, its two models in folders of their names."""
    save(segmentation(), folder / "segmentation-3.0")
    save(embedding(), folder / "wespeaker-voxceleb-resnet34-LM")
    (folder / "config.yaml").write_text(VERSION_3_1, "utf-8")
    return folder


def save(model: Model, folder: Path) -> Path:
    """A checkpoint as Lightning and the library write it, with what real ones hold."""
    folder.mkdir(parents=True)
    checkpoint = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": model.state_dict(),
        "hparams_name": "kwargs",
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    checkpoint["pyannote.audio"]["versions"] = {"torch": torch.__version__, "pyannote.audio": __version__}
    torch.save(checkpoint, folder / "pytorch_model.bin")
    return folder


@functools.cache
def segmentation() -> PyanNet:
    torch.manual_seed(1)
    lstm = {"hidden_size": 24, "num_layers": 1, "bidirectional": True, "dropout": 0.0}
    model = PyanNet(lstm=lstm, linear={"hidden_size": 16, "num_layers": 0})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=SECONDS,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.setup()
    model.eval()
    _fit(model)
    return model


@functools.cache
def embedding() -> WeSpeakerResNet34:
    torch.manual_seed(2)
    model = WeSpeakerResNet34()
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=SECONDS, min_duration=0.5
    )
    noise = torch.randn(60_000) * 0.05
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.weight = torch.nn.Parameter(_view(noise, module.weight.shape), requires_grad=False)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    heard = torch.from_numpy(np.stack([_voices(seed)[0][: 2 * RATE_HZ] for seed in range(4)]))[:, None]
    with torch.no_grad():
        model.train()(heard)  # sets what each layer takes for its usual level
        model.eval()
        model.resnet.seg_1.bias.zero_()
        model.resnet.seg_1.bias -= model(heard).mean(dim=0)  # otherwise all voices point the same way
    return model


def plda(folder: Path) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(3)
    lda = np.linalg.qr(random.standard_normal((256, 128)))[0]
    np.savez(folder / "xvec_transform.npz", mean1=np.zeros(256), mean2=np.zeros(128), lda=lda)
    np.savez(folder / "plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(4.0, 0.1, 128))


def conversation(seconds: float, seed: int = 7) -> np.ndarray:
    """Two buzzing voices that take turns, pause, and at times speak at once: mono float32 at 16 kHz."""
    count = int(np.ceil(seconds / SECONDS))
    return np.concatenate([_voices(seed + index)[0] for index in range(count)])[: round(seconds * RATE_HZ)]


def _view(noise: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Rows of `noise` that overlap, as many as it takes: a file holds the noise once."""
    row = int(np.prod(shape[1:]))
    step = (len(noise) - row) // max(1, shape[0] - 1)
    inner = torch.empty(shape[1:]).stride()
    return noise.as_strided(shape, (step, *inner))


def _voices(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """SECONDS of two voices, and who of them speaks in each sample: bool (2, samples)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    order = random.permutation([0, 1, 2, 3, 1, 2, 0, 1, 2, 3])  # nobody, the high one, the low one, both
    who = np.repeat(order, len(time) // len(order))
    speaks = np.stack([np.isin(who, (1, 3)), np.isin(who, (2, 3))])
    sound = 1e-4 * random.standard_normal(len(time))
    for active, hz in zip(speaks, (random.uniform(230, 280), random.uniform(95, 120)), strict=True):
        bent = 2 * np.pi * hz * (time + 0.002 * np.sin(2 * np.pi * 3 * time))
        sound += active * sum(np.sin(n * bent) / n for n in range(1, 20)) * 0.08
    return sound.astype(np.float32), speaks


def _fit(model: PyanNet) -> None:
    """Least squares from what the random layers make of the voices to who speaks."""
    inputs: list[torch.Tensor] = []
    hook = model.classifier.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    examples = [_voices(seed) for seed in range(100, 112)]
    with torch.inference_mode():
        scores = model(torch.from_numpy(np.stack([sound for sound, _ in examples]))[:, None])
    hook.remove()
    centres = [round(model.receptive_field_center(frame)) for frame in range(scores.shape[1])]
    powerset = np.array([0, 1, 2, 4])  # nobody, first, second, first and second
    classes = np.concatenate([powerset[speaks[0, centres] + 2 * speaks[1, centres]] for _, speaks in examples])
    wanted = torch.from_numpy(np.eye(scores.shape[-1])[classes] * 8.0)
    given = inputs[0].flatten(0, 1).double()
    given = torch.cat([given, torch.ones(len(given), 1)], dim=1)
    solved = torch.linalg.solve(given.T @ given + 1e-2 * torch.eye(given.shape[1]), given.T @ wanted)
    with torch.no_grad():
        model.classifier.weight.copy_(solved[:-1].T)
        model.classifier.bias.copy_(solved[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
