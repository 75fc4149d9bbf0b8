"""Settings of this machine, from the environment (VOICECAST_...); not of a series."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HERE = Path(__file__).resolve().parent.parent
"""The folder that holds flows, tasks, infra and containers."""


S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """Where things lie on this machine and how much of it may be used."""

    model_config = SettingsConfigDict(env_prefix="VOICECAST_", extra="ignore")

    store: str | None = None
    """Folder of all results, or s3://bucket/prefix; default: `voicecast-store` beside the series file."""
    config: Path | None = None
    """The series file; default: series.yaml in the current folder."""
    engines_dir: Path = Path(".engines")
    """Where engines with an environment of their own are installed."""
    weights_dir: Path = Path(".weights")
    """Where weights lie; engines read them, nothing writes here but `voicecast weights`."""
    images: str = "voicecast"
    """What names of engine images begin with: a registry and a folder there, or a word of this machine."""
    memory_gb: float | None = None
    """Memory engines may take together; default: this machine's, less 2 GB."""
    gpus: int | None = None
    """The most GPUs engines may take together, 0 to compute on the CPU; default: all that the machine shows."""
    slots: Literal["server", "machine"] | None = None
    """Who counts starts of engines: the Prefect server's limits, over all machines, or file locks of this machine;
    default: the server where one is set up. A server on SQLite takes about two seconds a start."""
    retry_seconds: float = 5.0
    """Wait before the first retry of a machine's fault; each next one waits twice as long."""
    labels_wait_hours: float = 720.0
    """How long a run waits for the people who label, where a Prefect server is set up; 0: not at all."""
    notify: str | None = None
    """Who is told that labels are wanted: a webhook's address, or type/name of a notification block of Prefect's."""
    cache_dir: Path = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "voicecast"
    """Where files of buckets are kept on this machine, and what is under way there."""
    cache_gb: float = 50.0
    """The most that files of buckets take here; what has not been used for longest goes first."""
    keys_dir: Path = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "voicecast"
    """Where the key is kept that signs generated speech; made at first use."""
    sign_pem: Path | None = None
    """A key that was made so elsewhere (its signing.pem), for machines and pods that are to sign as one. Where it is
    not there, each makes a key of its own, and says so."""
    sign_key: Path | None = None
    """A key of one's own to sign with (PEM, without a passphrase); with sign_chain."""
    sign_chain: Path | None = None
    """The certificates of that key (PEM), its own first."""
    watermark: str = "off"
    """The plug-in that puts an inaudible mark into generated speech (docs/synthetic.md)."""
    s3_endpoint: str | None = None
    """Address of an S3-compatible server; default: AWS."""
    s3_link_endpoint: str | None = None
    """The same server as engines on other machines reach it, where they see it under another address."""
    s3_ca: Path | None = None
    """Certificates (PEM) that the server is checked against, where its authority is a private one; engines elsewhere
    are told as well."""
    s3_region: str | None = None
    """Region to sign for; default: what AWS's own settings say, else us-east-1."""
    s3_path_style: bool | None = None
    """http://server/bucket/key and not http://bucket.server/key; default: only with VOICECAST_S3_ENDPOINT."""
    s3_encryption: Literal["sse-s3", "sse-kms"] | None = None
    """How the server is asked to encrypt; default: as the bucket itself says."""
    s3_kms_key: str | None = None
    """Id or ARN of the key for sse-kms; default: the account's own for S3."""
    s3_checksums: Literal["when_supported", "when_required"] | None = None
    """Whether uploads carry CRC checksums; default: yes on AWS, no with VOICECAST_S3_ENDPOINT (some refuse them)."""
    s3_timeout_seconds: float = 60.0
    """How long a server may be silent before a request is tried again."""
    s3_attempts: int = 6
    """How often a request is tried, with a growing wait in between."""
    stay_seconds: float = 20.0
    """How long an engine without a GPU stays on this machine after a start, with its libraries loaded, for the next one
    (a few hundred MB meanwhile); 0: not at all."""
    log: Literal["text", "json"] = "text"
    """json: what happens goes to stderr as one JSON object a line (docs/operations.md)."""
    episodes_at_once: int = 8
    """Episodes under way at the same time; their items share engine starts."""

    @field_validator("s3_endpoint", "s3_link_endpoint")
    @classmethod
    def _bare(cls, address: str | None) -> str | None:
        parts = urlsplit(address or "http://none")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path not in ("", "/"):
            raise ValueError("an S3 endpoint is http:// or https:// and a host, without user, password or path")
        return address

    @field_validator("s3_ca")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        try:
            ssl.create_default_context().load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"no certificates can be read from that file ({type(error).__name__})") from None
        return path


class KubernetesSettings(BaseSettings):
    """How the kubernetes runner starts engines; VOICECAST_KUBERNETES_..., lists and maps as JSON."""

    model_config = SettingsConfigDict(env_prefix="VOICECAST_KUBERNETES_", extra="ignore")

    namespace: str | None = None
    """Where Jobs are made; default: the namespace of the pod that the flow runs in."""
    context: str | None = None
    """Context of the kubeconfig, outside a cluster; default: its current one."""
    service_account: str = "voicecast-engine"
    """Who engines are: an account without rights, whose token is not mounted."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    image_pull_secret: str | None = None
    gpus: bool = True
    """Whether engines that can use GPUs ask for them; else they compute on the CPU."""
    gpu_resource: str = "nvidia.com/gpu"
    runtime_class: str | None = None
    """RuntimeClass of starts with GPUs, where the cluster's default is not NVIDIA's."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that engines run on."""
    gpu_node_selector: dict[str, str] = {}
    """More of them for starts with GPUs."""
    tolerations: list[dict[str, str | int]] = []
    gpu_tolerations: list[dict[str, str | int]] = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    priority_class: str | None = None
    weights_claim: str | None = None
    """PersistentVolumeClaim that holds the weights folder, mounted read-only; default: weights come from the store."""
    patience_s: float = 1800.0
    """How long a start may wait for a place in the cluster: a node, a GPU, its quota."""
    deadline_hours: float = 24.0
    """The longest a Job may take."""
    link_minutes: float = 60.0
    """How long presigned links hold, at least 10; they are renewed when half of it has passed."""
    state_seconds: float = 60.0
    """How often the state of an item (checkpoints) is sent to the store, where it has changed."""
    keep_seconds: int = 3600
    """How long the cluster keeps a Job that has ended while nobody followed it (ttlSecondsAfterFinished)."""
    pod_name: str | None = None
    """The pod that the flow runs in (downward API), so that its Jobs go when it or its own Job goes."""

    @field_validator("link_minutes")
    @classmethod
    def _outlives_a_renewal(cls, minutes: float) -> float:
        if not minutes >= 10:
            raise ValueError("at least 10, since a cluster takes up to two minutes to pass renewed links on to a pod")
        return minutes


class SettingsError(ValueError):
    """A variable VOICECAST_... says what cannot be; the message names it, and never what it said."""


@cache
def settings() -> Settings:
    """Raises SettingsError."""
    return _read(Settings)


@cache
def kubernetes_settings() -> KubernetesSettings:
    """Raises SettingsError."""
    return _read(KubernetesSettings)


def _read(kind: type[S]) -> S:
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        wrong = error.errors(include_input=False, include_url=False)
        said = "; ".join(f"{prefix}{each['loc'][0]}".upper() + f": {each['msg']}" for each in wrong)
        raise SettingsError(said.replace("Value error, ", "")) from None
