"""Who signs what is generated: a private key and its chain of certificates, given by settings or made at first use.

A key that is made here is one file in the user's configuration folder, readable by its owner only. It says that a
file was signed on this installation and was not changed since; it does not say who somebody is. For that, give a key
whose certificate others trust.
"""

from __future__ import annotations

import datetime
import logging
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.settings import SettingsError, settings

log = logging.getLogger("voicecast.signing")

YEARS = 20
"""How long a certificate of our own holds; C2PA without a time stamp ends with it."""
_ORGANIZATION = "voicecast (self-signed)"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """`key`, `chain`: PEM, its own certificate first; `algorithm` by its name in C2PA; `made`: a key of our own."""

    key: bytes
    chain: bytes
    algorithm: str
    made: bool

    def __repr__(self) -> str:
        return f"Signer({self.name!r}, {self.algorithm})"

    @property
    def name(self) -> str:
        """Whose certificate it is, for people."""
        return x509.load_pem_x509_certificates(self.chain)[0].subject.rfc4514_string()


def signer() -> Signer:
    """The key given by settings, else our own, made now if there is none yet; SettingsError with the way out."""
    key, chain = settings().sign_key, settings().sign_chain
    if (key is None) != (chain is None):
        raise SettingsError("VOICECAST_SIGN_KEY and VOICECAST_SIGN_CHAIN belong together; give both, or neither")
    if key and chain:
        return _read(_bytes(key, "VOICECAST_SIGN_KEY"), _bytes(chain, "VOICECAST_SIGN_CHAIN"), made=False)
    return own_signer() or _make(_own_path())


def own_signer() -> Signer | None:
    """The key of our own, if one was given (VOICECAST_SIGN_PEM) or made."""
    given = settings().sign_pem
    for path in (*((given.expanduser(),) if given else ()), _own_path()):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
        return _read(data, data, made=True)
    return None


def anchors() -> bytes:
    """Certificates whose signatures this installation knows as its own; empty if it never signed."""
    chain = settings().sign_chain
    given = _bytes(chain, "VOICECAST_SIGN_CHAIN") if chain else b""
    own = own_signer()
    return given + (own.chain if own else b"")


def _own_path() -> Path:
    return settings().keys_dir.expanduser().absolute() / "signing.pem"


def _bytes(path: Path, setting: str) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read ({error.strerror})") from error


def _read(key: bytes, chain: bytes, *, made: bool) -> Signer:
    own = f"{_own_path()} (delete it to have a new one made), or VOICECAST_SIGN_PEM"
    where = own if made else "VOICECAST_SIGN_KEY, VOICECAST_SIGN_CHAIN"
    try:
        private = serialization.load_pem_private_key(key, None)
        certificates = x509.load_pem_x509_certificates(chain)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{where}: wanted is a PEM key without a passphrase, and PEM certificates") from error
    if private.public_key() != certificates[0].public_key():
        raise SettingsError(f"{where}: the first certificate is not the key's; put the signer's own first")
    pem = serialization.PrivateFormat.PKCS8
    return Signer(
        key=private.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()),
        chain=b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates),
        algorithm=_algorithm(private, where),
        made=made,
    )


def _algorithm(key: object, where: str) -> str:
    """C2PA's name of the algorithm that goes with a key (C2PA 2.2, 13.2)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        named = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}.get(key.curve.name)
        if named:
            return named
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise SettingsError(f"{where}: C2PA signs with EC P-256, P-384, P-521, Ed25519, or RSA of 2048 bits and more")


def _make(path: Path) -> Signer:
    """A new key beside others' attempts: whoever is first wins, and all sign with that one."""
    if settings().sign_pem:
        log.warning(
            "%s (VOICECAST_SIGN_PEM) is not there: this machine or pod signs with a key of its own, made in %s, and "
            "what it signs is known to no other. Give all of them one key (docs/synthetic.md, The key)",
            settings().sign_pem,
            path.parent,
        )
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(_key_and_chain())
            stream.flush()
            os.fsync(stream.fileno())
        if not path.exists():
            with suppress(FileExistsError):
                os.link(partial, path)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    made = own_signer()
    if made is None:
        raise SettingsError(f"{path} went away while it was made; run again")
    return made


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"the signing key {path} can be neither read nor made ({error.strerror}); generated speech is always signed: "
        "name a writable folder in VOICECAST_KEYS_DIR, or a key in VOICECAST_SIGN_KEY and VOICECAST_SIGN_CHAIN"
    )


def _key_and_chain() -> bytes:
    """A key, its certificate and the authority that made it, whose own key is forgotten at once."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    tag = uuid.uuid4().hex[:8]
    issuer = _name(f"voicecast authority {tag}")
    first = _certificate(_name(f"voicecast {tag}"), own.public_key(), issuer, authority, authority=False)
    second = _certificate(issuer, authority.public_key(), issuer, authority, authority=True)
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key + first + second


def _name(common: str) -> x509.Name:
    parts = ((NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, _ORGANIZATION))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _certificate(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    signing: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> bytes:
    """A certificate of the profile that C2PA asks of signers (C2PA 2.2, 14.5.1), or of its authority."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
