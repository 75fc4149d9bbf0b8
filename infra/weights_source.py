"""Where weights come from: the hub and plain web addresses, asked over HTTP.

The token of the hub goes to the hub alone, never to where it redirects; no
message here holds it, nor an address with a signature.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import httpx
from pydantic import SecretStr

from infra.weights_catalogue import Weights, WeightsError, WeightsRefused, hub_place, page_of

HUB = "https://huggingface.co"
TOKENS = "https://huggingface.co/settings/tokens"


class Interrupted(Exception):
    """The connection or the server failed in a way that may pass; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file at its source. What the source says of its bytes is None where it says nothing.

    `git_blob`: the hub's name for a small file, git's SHA-1 over its length and bytes.
    """

    address: str
    page: str
    secret: bool = False
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    commit: str | None = None


class WeightsSource:
    """A client for one fetch. Close it after use."""

    def __init__(self, token: SecretStr | None = None) -> None:
        self._hub = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB
        self._token = token
        self._client = httpx.Client(
            timeout=httpx.Timeout(30, read=60), headers={"Accept-Encoding": "identity", "User-Agent": "voicecast"}
        )

    def __enter__(self) -> WeightsSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def look(self, weights: Weights, file: str) -> Remote:
        """What the source says of a file; for a web address nothing is asked."""
        source, path = weights.source_of(file)
        place = hub_place(source)
        if place is None:
            return Remote(address=f"{source}/{quote(path)}", page=page_of(source))
        page = page_of(source)
        address = f"{self._hub}/{place.repository}/resolve/{quote(place.revision, safe='')}/{quote(path)}"
        answer = self._head(address, page)
        tag = answer.headers.get("X-Linked-Etag") or answer.headers.get("ETag") or ""
        tag = tag.removeprefix("W/").strip('"')
        size = answer.headers.get("X-Linked-Size") or (
            answer.headers.get("Content-Length") if answer.is_success else None
        )
        commit = answer.headers.get("X-Repo-Commit")
        if commit:  # every file of one fetch comes from one state of the repository
            address = f"{self._hub}/{place.repository}/resolve/{quote(commit, safe='')}/{quote(path)}"
        return Remote(
            address=address,
            page=page,
            secret=True,
            size=int(size) if size else None,
            sha256=tag if len(tag) == 64 else None,
            git_blob=tag if len(tag) == 40 else None,
            commit=commit,
        )

    @contextmanager
    def read(self, remote: Remote, start: int) -> Iterator[tuple[int, int | None, Iterator[bytes]]]:
        """The bytes from `start` on: where they really start (0: the server cannot resume), the whole size, blocks."""
        headers = self._authorization() if remote.secret else {}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with self._client.stream("GET", remote.address, headers=headers, follow_redirects=True) as answer:
                self._refuse(answer, remote.address, remote.page)
                begins, whole = _extent(answer)
                yield begins, whole, answer.iter_bytes()
        except httpx.HTTPError as error:
            raise Interrupted(f"{type(error).__name__}: {error}") from error

    def _head(self, address: str, page: str) -> httpx.Response:
        """The hub's own answer: redirects within the hub (a renamed repository) are followed, others not."""
        try:
            for _ in range(5):
                answer = self._client.head(address, headers=self._authorization())
                target = urljoin(address, answer.headers.get("Location", ""))
                if not answer.is_redirect or not target.startswith(f"{self._hub}/"):
                    break
                address = target
        except httpx.HTTPError as error:
            raise Interrupted(f"{type(error).__name__}: {error}") from error
        self._refuse(answer, address, page)
        return answer

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"} if self._token else {}

    def _refuse(self, answer: httpx.Response, address: str, page: str) -> None:
        """Say who can help with an answer that is no success."""
        code = answer.status_code
        if answer.is_success or answer.is_redirect:
            return
        if code == 429 or code >= 500:
            raise Interrupted(f"{address} answers {code}")
        if code in (401, 403) and self._token:
            raise WeightsRefused(
                f"{address} is not given to this token ({code}): sign in at {page} as the token's owner, accept the "
                f"terms there, and see at {TOKENS} that the token in HF_TOKEN may read gated repositories"
            )
        if code in (401, 403):
            raise WeightsRefused(
                f"{address} is given only to those who accepted its terms ({code}): accept them at {page}, make a "
                f"token at {TOKENS}, and put it into the variable HF_TOKEN (or a Prefect Secret block `hf-token`)"
            )
        raise WeightsError(f"{address} answers {code}; see {page} for what became of it")


def _extent(answer: httpx.Response) -> tuple[int, int | None]:
    """Where the answer's bytes start in the file, and how large the file is."""
    length = answer.headers.get("Content-Length")
    if answer.status_code != 206:
        return 0, int(length) if length else None
    span, _, whole = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    begins = span.partition("-")[0]
    if not begins.isdigit():
        raise Interrupted(f"{answer.request.url.host} sent a part without saying which")
    return int(begins), int(whole) if whole.isdigit() else None
