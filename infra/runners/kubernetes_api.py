"""The way to a cluster: who we are there, what we ask of it, and its refusals in words that say what to do.

Only what the Role of infra/k8s/base allows is asked. Answers are the API's JSON, so that no version of the client
stands between us and what a cluster says.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException

from containers.contract.errors import EngineError
from infra.settings import KubernetesSettings, kubernetes_settings

T = TypeVar("T")
Found = dict[str, Any]

OURS = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TIMEOUT = (10, 60)
"""Seconds to connect and to answer."""
OUTAGE_S = 300.0
"""How long the API may be out of reach while a Job runs; the Job does not need it."""
RETRIED = (429, 500, 502, 503, 504)


class Cluster:
    """One namespace of a cluster; methods are thread-safe."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api, self.namespace = api, namespace

    def create(self, kind: str, manifest: Found) -> Found:
        return self._ask("POST", self._at(kind), body=manifest)

    def find(self, kind: str, name: str) -> Found | None:
        try:
            return self._ask("GET", self._at(kind, name))
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, **selectors: str) -> list[Found]:
        query = [
            ({"labels": "labelSelector", "fields": "fieldSelector"}[key], value) for key, value in selectors.items()
        ]
        return list(self._ask("GET", self._at(kind), query=query).get("items") or ())

    def patch(self, kind: str, name: str, change: Found) -> None:
        self._ask("PATCH", self._at(kind, name), body=change)

    def delete(self, kind: str, name: str) -> bool:
        """Delete an object and what it owns, which goes after it; whether it was there."""
        try:
            self._ask("DELETE", self._at(kind, name), body={"propagationPolicy": "Background"})
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def log(self, pod: str, container: str, since_s: int | None) -> Any:
        """The log of a container as a stream of bytes, each line after its time, until the container ends."""
        query = [("container", container), ("follow", "true"), ("timestamps", "true")]
        if since_s is not None:
            query.append(("sinceSeconds", str(since_s)))
        return self._call("GET", f"{self._at('pods', pod)}/log", query=query, timeout=(10, 90))

    def steady(self, ask: Callable[[], T]) -> T:
        """The answer to a question that may be asked again, over an outage of the API."""
        until, wait_s = time.monotonic() + OUTAGE_S, 0.5
        while True:
            try:
                return ask()
            except (ApiException, urllib3.exceptions.HTTPError) as error:
                passing = not isinstance(error, ApiException) or error.status in RETRIED
                if not passing or time.monotonic() > until:
                    raise
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, 15.0)

    def _at(self, kind: str, name: str = "") -> str:
        group = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def _ask(self, method: str, path: str, **said: Any) -> Found:
        answer = self._call(method, path, timeout=TIMEOUT, **said)
        return dict(json.loads(answer.data))

    def _call(self, method: str, path: str, *, timeout: Any, query: Any = (), body: Found | None = None) -> Any:
        merges = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self._api.call_api(
            path,
            method,
            query_params=list(query),
            header_params={"Accept": "application/json, */*", "Content-Type": merges},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=timeout,
        )


@contextmanager
def cluster(said: KubernetesSettings | None = None) -> Iterator[Cluster]:
    """The cluster and namespace that settings name; what goes wrong inside is an EngineError that says what to do."""
    said = said or kubernetes_settings()
    try:
        api = client.ApiClient(_configuration(said))
    except (ConfigException, OSError) as error:
        raise EngineError(
            f"no cluster is known here: {error}. Name one by KUBECONFIG, its context by VOICECAST_KUBERNETES_CONTEXT"
        ) from error
    try:
        yield Cluster(api, _namespace(said))
    except ApiException as error:
        raise EngineError(_told(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise EngineError(
            f"the cluster's API does not answer ({type(error).__name__}); is KUBECONFIG right?"
        ) from error
    finally:
        api.close()


def in_cluster() -> bool:
    """Whether this process runs in a pod."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and OURS.exists()


def is_known() -> bool:
    """Whether settings name a namespace to work in."""
    return bool(kubernetes_settings().namespace) or in_cluster()


def _configuration(said: KubernetesSettings) -> Any:
    configuration = client.Configuration()
    if in_cluster() and not said.context:
        config.load_incluster_config(client_configuration=configuration)
    else:
        file = os.environ.get("KUBECONFIG")  # the client itself reads it once, when it is imported
        config.load_kube_config(config_file=file, context=said.context, client_configuration=configuration)
    return configuration


def _namespace(said: KubernetesSettings) -> str:
    if said.namespace:
        return said.namespace
    if in_cluster():
        return OURS.read_text("utf-8").strip()
    raise EngineError("which namespace engines run in is not said; set VOICECAST_KUBERNETES_NAMESPACE")


def _told(error: ApiException) -> str:
    message = said(error)
    if error.status == 401:
        return f"the cluster does not know who we are ({message}); renew the credentials of KUBECONFIG"
    if error.status == 403:
        return f"the cluster does not allow it: {message}. Namespace and rights: docs/kubernetes.md"
    if error.status in (400, 422):
        return (
            f"the cluster does not take what we ask for: {message}. Look at VOICECAST_KUBERNETES_... and engines.toml"
        )
    return f"the cluster refuses: {error.status} {message}"


def said(error: ApiException) -> str:
    """The API's own words."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
