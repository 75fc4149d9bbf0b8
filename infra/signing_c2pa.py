"""C2PA manifests in sound files: put in and signed, read and checked. Nothing is fetched from the network.

A manifest covers every byte of its file: whoever changes the sound or the tags breaks it, and programs that
write a file anew (FFmpeg, editors) leave it out.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from infra.signing import Signer

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's word for media that a trained model made."""
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""The same of media that hold other sounds or pictures beside it."""
CLAIM = "org.voicecast.synthetic"
State = Literal["trusted", "valid", "invalid", "absent", "unsupported"]
_SYNTHETIC_TYPES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a file's manifest says. `trusted`: signed by somebody this installation knows; `valid`: unchanged since
    somebody signed it; `problems`: C2PA's own words for what is wrong. `claims`: our assertion, if it is there."""

    state: State
    synthetic: bool = False
    signer: str | None = None
    tool: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def sign(data: bytes, mime: str, title: str, claims: Mapping[str, Any], signer: Signer) -> bytes:
    """The file with a signed manifest: created by a trained model, with `claims` (`tool`, `time` among them)."""
    import c2pa

    action = {
        "action": "c2pa.created",
        "when": claims["time"],
        "digitalSourceType": claims.get("digital_source_type", SYNTHETIC),
        "softwareAgent": {"name": claims["tool"]},
    }
    manifest = {
        "claim_generator_info": [{"name": "voicecast", "version": str(claims["tool"]).removeprefix("voicecast ")}],
        "title": title,
        "format": mime,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": CLAIM, "data": dict(claims)},
        ],
    }
    info = c2pa.C2paSignerInfo(signer.algorithm.encode(), signer.chain, signer.key, None)
    made = io.BytesIO()
    with _context(b"") as context, c2pa.Signer.from_info(info) as signing:
        builder = c2pa.Builder(manifest, context=context)
        builder.sign(signing, mime, io.BytesIO(data), made)
    return made.getvalue()


def read(path: Path, mime: str, anchors: bytes) -> Credentials:
    """What the manifest in a file says and whether it holds; `anchors`: certificates (PEM) that are known."""
    import c2pa

    if mime not in c2pa.Reader.get_supported_mime_types():
        return Credentials(state="unsupported")
    try:
        with open(path, "rb") as stream, _context(anchors) as context:
            reader = c2pa.Reader.try_create(mime, stream, context=context)
            if reader is None:
                return Credentials(state="absent")
            with reader:
                return _credentials(reader)
    except c2pa.C2paError as error:
        return Credentials(state="invalid", problems=(str(error),))


def _context(anchors: bytes) -> Any:
    import c2pa

    rules: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchors:
        rules["trust"] = {"user_anchors": anchors.decode()}
    return c2pa.Context.from_dict(rules)


def _credentials(reader: Any) -> Credentials:
    manifest = reader.get_active_manifest() or {}
    results = (reader.get_validation_results() or {}).get("activeManifest", {})
    state = {"Trusted": "trusted", "Valid": "valid"}.get(reader.get_validation_state() or "", "invalid")
    said = {each["label"].partition("__")[0]: each["data"] for each in manifest.get("assertions", ())}
    actions = said.get("c2pa.actions.v2", said.get("c2pa.actions", {})).get("actions", ())
    signature = manifest.get("signature_info", {})
    tool = (manifest.get("claim_generator_info") or [{}])[0]
    return Credentials(
        state=state,  # type: ignore[arg-type]
        synthetic=any(str(each.get("digitalSourceType", "")).endswith(_SYNTHETIC_TYPES) for each in actions),
        signer=", ".join(filter(None, (signature.get("common_name"), signature.get("issuer")))) or None,
        tool=" ".join(filter(None, (tool.get("name"), tool.get("version")))) or None,
        claims=said.get(CLAIM, {}),
        problems=tuple(each["code"] for each in results.get("failure", ()) if state == "invalid"),
    )
