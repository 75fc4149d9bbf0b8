"""What an engine in a pod is, sees and may do; and where its links are, and are not."""

from __future__ import annotations

import gzip
import json
import subprocess
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.settings import kubernetes_settings
from infra.stage import Outcome
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.conftest import Yard

LOOK = {
    "write": ["/", "/app", "/etc", "/usr/lib", "/links", "/tmp", "/cache", "/dev/shm", "/work"],
    "overwrite": ["/app/containers/unruly/backend.py", "/links/links.json.gz"],
    "see": ["/var/run/secrets/kubernetes.io", "/links/links.json.gz", "/var/run/docker.sock"],
}


def test_an_engine_is_nobody_and_writes_to_what_is_temporary_alone(yard: Yard) -> None:
    outcome = yard.one(yard.job("e1", do="look", **LOOK))
    assert isinstance(outcome, Outcome), outcome
    facts = yard.facts()
    assert (facts["uid"], facts["gid"]) == (10001, 10001)
    assert facts["capabilities"] == [0] * 5
    assert (facts["no_new_privileges"], facts["seccomp"]) == ("1", "2")
    assert facts["written"] == ["/tmp", "/cache", "/dev/shm", "/work"]
    assert facts["overwritten"] == []
    assert facts["seen"] == ["/links/links.json.gz"]
    told = facts["environment"]
    assert told["VOICECAST_WEIGHTS"] == "/weights"
    assert not [name for name in told if "AWS" in name or "SECRET" in name or "PREFECT" in name]


def test_links_lie_in_a_secret_that_the_job_owns_and_nowhere_else(yard: Yard, store: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(yard.one, yard.job("e1", do="go step by step", steps=20))
        yard.wait(lambda: "step 2\n" in yard.cranes.lines, "it does not go")
        (name,) = yard.secrets()
        secret = yard.cluster.json("get", "secret", name, "-n", yard.namespace)
        (job,) = yard.jobs()
        sent = {key: store.read(key) for key in store.keys("scratch")}
        assert isinstance(running.result(), Outcome), running.result()
    assert [each["uid"] for each in secret["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
    links = json.loads(gzip.decompress(b64decode(secret["data"]["links.json.gz"])))
    (item,) = links["items"].values()
    assert "Signature" in item["out"]
    assert not [key for key, data in sent.items() if b"Signature" in data]
    assert "Signature" not in json.dumps(job)
    assert not [line for line in yard.cranes.lines if "Signature" in line or "http" in line]
    yard.is_empty()


@pytest.mark.proof
def test_links_are_renewed_while_a_job_runs(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cluster the file of links is another one then; the contract's tests show that each try reads it anew."""
    monkeypatch.setattr(kubernetes_settings(), "link_minutes", 0.1)  # shorter than a setting may be
    found: list[tuple[str, str]] = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(yard.one, yard.job("e1", do="go step by step", steps=50))
        for step in ("step 2\n", "step 48\n"):
            yard.wait(lambda step=step: step in yard.cranes.lines, "it does not go")
            (job,) = yard.jobs()
            secret = yard.cluster.json("get", "secret", yard.secrets()[0], "-n", yard.namespace)
            found.append((job["metadata"]["annotations"]["voicecast/until"], secret["data"]["links.json.gz"]))
        assert isinstance(running.result(), Outcome)
    (until, links), (until_then, links_then) = found
    assert int(until_then) > int(until)
    assert links_then != links


@pytest.mark.parametrize("account", ["voicecast-flow", "voicecast-engine"])
def test_accounts_may_do_no_more_than_they_must(cluster: Cluster, namespace: str, account: str) -> None:
    def may(verb: str, resource: str, of: str = namespace) -> bool:
        who = f"system:serviceaccount:{namespace}:{account}"
        done = subprocess.run(
            [
                cluster.kubectl,
                "--kubeconfig",
                cluster.kubeconfig,
                "auth",
                "can-i",
                verb,
                resource,
                "-n",
                of,
                "--as",
                who,
            ],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    must = [("create", "jobs"), ("delete", "jobs"), ("get", "pods/log"), ("create", "secrets"), ("patch", "secrets")]
    assert all(may(*each) == (account == "voicecast-flow") for each in must)
    never = [("get", "secrets"), ("list", "secrets"), ("create", "pods"), ("create", "pods/exec"), ("get", "nodes")]
    assert not [each for each in (*never, ("patch", "roles"), ("create", "rolebindings")) if may(*each)]
    assert not may("create", "jobs", "default")
