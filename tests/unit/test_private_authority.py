"""A store whose certificate no public authority signed: told once, checked by the house and by engines elsewhere."""

from __future__ import annotations

import gzip
import ipaddress
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.engines import engines
from infra.runners import kubernetes_job as form
from infra.settings import HERE, KubernetesSettings, SettingsError, kubernetes_settings, settings
from infra.store import StoreError, bucket_client, open_store
from tests.unit.s3_servers import Server, _running, free_port

OWNER = {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "flow", "uid": "1"}}


def forget() -> None:
    for cached in (settings, kubernetes_settings):
        cached.cache_clear()
    bucket_client._MADE.clear()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    now, names = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(names, False).add_extension(x509.BasicConstraints(True, None), True)
    certificate, secret = tmp_path / "ca.pem", tmp_path / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return certificate, secret


@pytest.fixture
def server(authority: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    certificate, key = authority
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running([*command, "-s", "-c", str(certificate), "-k", str(key)], port):
        server = Server(endpoint=f"https://127.0.0.1:{port}", key="moto", secret="moto-secret")
        for name, value in {**server.environment, "VOICECAST_CACHE_DIR": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("VOICECAST_S3_ATTEMPTS", "1")
        yield server
    monkeypatch.undo()
    forget()


def test_the_house_and_engines_elsewhere_trust_the_authority_that_is_told_and_no_other(
    server: Server, authority: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget()
    with pytest.raises(StoreError, match="SSLError"):
        open_store("s3://voices").write("a", b"heard")
    monkeypatch.setenv("VOICECAST_S3_CA", str(authority[0]))
    forget()
    bucket_client.client(server.endpoint).create_bucket(Bucket="voices")
    store = open_store("s3://voices")
    store.write("a", b"heard")
    assert store.read("a") == b"heard"

    secret = form.secret("start", b"links", OWNER, authority[0].read_bytes())
    assert b64decode(secret["data"]["ca.pem"]) == authority[0].read_bytes()
    job = form.job("start", engines()["demucs"], KubernetesSettings(), labels={form.START: "1"}, owner=None, until=1)
    spec = job["spec"]["template"]["spec"]
    for container in (*spec["containers"], *spec["initContainers"]):
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told["SSL_CERT_FILE"] == "/links/ca.pem"

    links = tmp_path / "links.json.gz"
    links.write_bytes(gzip.compress(json.dumps({"start": store.link_get("a", 60)}).encode()))
    fetch = "import sys; from pathlib import Path; from containers.contract.links import Links; "
    fetch += "Links(Path(sys.argv[1])).get(Path(sys.argv[2]), 'start')"
    for trusted, expected in ((str(authority[0]), 0), ("/nowhere", 1)):
        told = {**os.environ, "SSL_CERT_FILE": trusted, "VOICECAST_LINK_PATIENCE_S": "0"}
        words = [sys.executable, "-c", fetch, str(links), str(tmp_path / f"got-{expected}")]
        assert subprocess.run(words, cwd=HERE, env=told, capture_output=True, check=False).returncode == expected
    assert (tmp_path / "got-0").read_bytes() == b"heard"


def test_without_a_private_authority_engines_are_told_of_none() -> None:
    forget()
    assert set(form.secret("start", b"links", OWNER)["data"]) == {"links.json.gz"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_holds_no_certificates_is_refused(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("VOICECAST_S3_CA", str(path))
    forget()
    with pytest.raises(SettingsError, match="VOICECAST_S3_CA: no certificates can be read"):
        settings()
    forget()


@pytest.mark.parametrize("minutes", ["0", "9.9", "-60", "nan"])
def test_links_that_would_end_before_their_renewal_arrives_are_refused(
    minutes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICECAST_KUBERNETES_LINK_MINUTES", minutes)
    forget()
    with pytest.raises(SettingsError, match="VOICECAST_KUBERNETES_LINK_MINUTES: at least 10"):
        kubernetes_settings()
    forget()
