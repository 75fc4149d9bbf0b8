"""The store: everything voicecast makes, under keys that read as a sentence; in a folder, or in a bucket (`bucket`)."""

from pathlib import Path

from infra.store.documents import document, find_json, parsed, read_json, read_many, write_json
from infra.store.folder import LocalStore
from infra.store.port import (
    AT_ONCE,
    SCRATCH,
    Damaged,
    Digest,
    Missing,
    Store,
    StoreBusy,
    StoreError,
    key_parts,
    scratch_of,
)


def open_store(address: str) -> Store:
    """The store at a folder or at s3://bucket/prefix; StoreError for an address that is none."""
    if address.startswith("s3://"):
        from infra.store.bucket import BucketStore  # boto3 takes a quarter of a second to import

        return BucketStore(address)
    return LocalStore(Path(address))
