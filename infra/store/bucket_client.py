"""The way to an S3-compatible server: client, settings, and its failures in words that say what to do.

Credentials come by boto3's own chain (environment, profile, role) and are in no message.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from infra.settings import Settings, settings
from infra.store.port import Missing, StoreBusy, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GONE = ("404", "NoSuchKey", "NotFound")
REFUSED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
"""A condition did not hold; AWS says Conflict where another writer was at it in the same moment."""
KEYS_REFUSED = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
)
_MADE: dict[tuple[str | None, bool, tuple[object, ...]], S3Client] = {}
_MAKING = threading.Lock()
BUSY = ("SlowDown", "RequestTimeout", "TooManyRequests", "429")
FULL = ("XMinioStorageFull", "QuotaExceeded", "InsufficientStorage")
"""What MinIO and Ceph say when there is no room."""
UNKNOWN = ("NotImplemented", "InvalidRequest", "InvalidArgument")
CONNECTIONS = 32


def client(endpoint: str | None, *, quick: bool = False) -> S3Client:
    """A client for an endpoint (None: AWS); thread-safe. `quick`: for leases, which must be renewed in time."""
    said = settings()
    key = tuple(value for name, value in said if name.startswith("s3_"))
    with _MAKING:
        if (endpoint, quick, key) not in _MADE:
            _MADE[endpoint, quick, key] = _made(said, endpoint, quick)
        return _MADE[endpoint, quick, key]


def _made(said: Settings, endpoint: str | None, quick: bool) -> S3Client:
    checksums = said.s3_checksums or ("when_required" if endpoint else "when_supported")
    path_style = bool(endpoint) if said.s3_path_style is None else said.s3_path_style
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "auto"},
        retries={"mode": "standard", "total_max_attempts": 2 if quick else said.s3_attempts},
        connect_timeout=5 if quick else 10,
        read_timeout=min(10.0, said.s3_timeout_seconds) if quick else said.s3_timeout_seconds,
        max_pool_connections=CONNECTIONS,
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        user_agent_extra="voicecast",
    )
    try:
        session = boto3.Session()
        region = said.s3_region or session.region_name or "us-east-1"
        ca = str(said.s3_ca) if said.s3_ca else None
        made: S3Client = session.client("s3", endpoint_url=endpoint, region_name=region, config=config, verify=ca)
        return made
    except (BotoCoreError, ValueError) as error:
        raise StoreError(_no_answer(error, endpoint)) from error


def encryption() -> dict[str, Any]:
    """What a write asks of the server."""
    said = settings()
    if said.s3_encryption == "sse-s3":
        return {"ServerSideEncryption": "AES256"}
    if said.s3_encryption == "sse-kms":
        key = {"SSEKMSKeyId": said.s3_kms_key} if said.s3_kms_key else {}
        return {"ServerSideEncryption": "aws:kms", **key}
    return {}


@contextmanager
def told(bucket: str, key: str = "") -> Iterator[None]:
    """Failures of boto3 inside, as StoreError."""
    endpoint, place = settings().s3_endpoint, f"s3://{bucket}/{key}"
    try:
        yield
    except ClientError as error:
        raise _refused(error, bucket, place) from None
    except (BotoCoreError, OSError) as error:
        words = _no_answer(error, endpoint)
        known = isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound)
        raise (StoreError if known else StoreBusy)(f"{place}: {words}") from None


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refused(error: ClientError, bucket: str, place: str) -> StoreError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in GONE:
        return Missing(f"the store has no {place}")
    if code == "NoSuchBucket":
        where = settings().s3_endpoint or "AWS"
        return StoreError(f"there is no bucket {bucket} at {where}; create it, or correct --store")
    kind = StoreBusy if status >= 500 or code in BUSY else StoreError
    return kind(f"{place}: {code} ({error.operation_name}): {_way_out(code, status)}")


def _way_out(code: str, status: int) -> str:
    if code in KEYS_REFUSED:
        return "the credentials are refused; renew them, and see that the region is the bucket's"
    if code == "RequestTimeTooSkewed":
        return "the clock of this machine is wrong; set it by NTP"
    if code in UNKNOWN or status == 501:
        return "the server does not know a part of this request; see docs/store.md on endpoints"
    if code in FULL or status == 507:
        return "the bucket, or the disk under it, is full; make room, or raise its quota, and run again"
    if status == 403:
        return "not allowed; docs/store.md has the policy that voicecast needs"
    return "the server is busy or broken; try again later"


def _no_answer(error: Exception, endpoint: str | None) -> str:
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return (
            "no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or run where a role is attached"
        )
    where = endpoint or "AWS"
    return f"no whole answer from {where} ({type(error).__name__}); look at the network and VOICECAST_S3_ENDPOINT"


def server_time(answer: Any) -> datetime:
    """When the server answered, by its own clock."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
