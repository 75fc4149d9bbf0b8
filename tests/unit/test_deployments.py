"""Deployments: what forms say to flows, what pools give to runs, and what maintenance removes."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prefect.states import AwaitingRetry, Crashed, Failed, Pending, Running, Suspended
from pydantic import ValidationError

from flows.deployments_forms import Arrival, Dubbing, Engines, Season
from flows.lives import deaths
from infra.engines import engines
from infra.job_templates import job_template, passed_on
from infra.settings import HERE
from infra.upkeep import old_partials, old_work


def test_an_empty_form_leaves_everything_to_the_series_file_and_the_worker() -> None:
    assert Season().told == {"config": None, "store": None, "engines": {}, "runners": {}}
    assert Season().policy is None


def test_a_form_names_engines_and_one_runner_for_all_of_them() -> None:
    form = Season(engines=Engines(separate="demucs", runner="docker"), labels="auto")
    assert form.told["engines"] == {"separate": "demucs"}
    assert form.told["runners"] == dict.fromkeys(engines(), "docker")
    assert form.policy == "auto"


def test_every_field_of_every_form_has_a_title_and_its_choices() -> None:
    for field in [*Season.model_fields.values(), *Arrival.model_fields.values(), *Engines.model_fields.values()]:
        assert field.title
    assert "demucs" in Engines.model_json_schema()["properties"]["separate"]["enum"]


def test_a_form_begins_with_what_it_must_be_told_and_ends_with_engines() -> None:
    fields = Dubbing.model_json_schema()["properties"]
    assert [*fields][:2] == ["script", "episode"]
    assert [*fields][-1] == "engines"
    assert [each["position"] for each in fields.values()] == [*range(len(fields))]


@pytest.mark.parametrize("payload", [{}, {"file": ""}, {"file": "a.mkv", "shell": "rm"}, {"file": ["a.mkv"]}])
def test_a_payload_that_is_none_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Arrival.model_validate(payload)


def test_prefect_yaml_names_flows_that_are_there_and_pickles_nothing() -> None:
    import flows.deployments as there

    said = yaml.safe_load((HERE / "prefect.yaml").read_text("utf-8"))
    assert [each["name"] for each in said["deployments"]] == [
        "season", "prepare", "train", "speak", "speak-script", "dub", "ingest", "nightly", "maintenance", "revive",
    ]  # fmt: skip
    for each in said["deployments"]:
        module, _, name = each["entrypoint"].rpartition(".")
        assert module == "flows.deployments"
        flow = getattr(there, name)
        assert flow.name == f"voicecast-{each['name']}"
        assert flow.persist_result is False


def filled(template: Any, values: dict[str, Any]) -> Any:
    """A template with its values, as Prefect's workers fill it in; what has no value is left out."""
    if isinstance(template, dict):
        found = {key: filled(each, values) for key, each in template.items()}
        return {key: each for key, each in found.items() if each is not None}
    if isinstance(template, list):
        return [filled(each, values) for each in template]
    if isinstance(template, str) and template.startswith("{{ "):
        return values.get(template[3:-3])
    if isinstance(template, str) and "{{ name }}" in template:
        return template.replace("{{ name }}", "run")
    return template


@pytest.mark.parametrize("gpus", [0, 1])
def test_the_pod_of_a_flow_is_taken_by_kubernetes_of_today_and_may_nothing(gpus: int) -> None:
    template = job_template("kubernetes", "registry.example.org/team/house@sha256:" + "0" * 64)
    values = {name: each.get("default") for name, each in template["variables"]["properties"].items()}
    values |= {"command": ["python", "-m", "prefect.engine"], "gpus": gpus, "priority_class": "voicecast-flows"}
    values |= {"node_selector": {"pool": "cpu"}, "tolerations": [{"key": "batch", "operator": "Exists"}]}
    job = filled(template["job_configuration"]["job_manifest"], values)
    kubernetes_validate.validate(job, str(kubernetes_validate.latest_version()), strict=True)
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == gpus
    assert pod["containers"][0]["image"].endswith("0" * 64)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_every_value_of_a_template_is_a_field_of_its_form(kind: Any) -> None:
    template = job_template(kind)
    text = json.dumps(template["job_configuration"])
    named = {each.partition(" }}")[0] for each in text.split("{{ ")[1:]}
    assert named == set(template["variables"]["properties"])


def test_runs_elsewhere_are_told_of_the_store_and_of_no_secret() -> None:
    said = {
        "VOICECAST_STORE": "s3://bucket/x", "VOICECAST_REVIEW_TOKEN": "t", "VOICECAST_NOTIFY": "https://hook/secret",
        "AWS_SECRET_ACCESS_KEY": "s", "VOICECAST_KUBERNETES_NAMESPACE": "n",
    }  # fmt: skip
    assert passed_on(said, "docker") == {"VOICECAST_STORE": "s3://bucket/x"}
    assert set(passed_on(said, "kubernetes")) == {"VOICECAST_STORE", "VOICECAST_KUBERNETES_NAMESPACE"}


def test_maintenance_removes_old_work_and_keeps_what_is_under_way(tmp_path: Path) -> None:
    old = time.time() - 40 * 24 * 3600
    for name in ("forgotten", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "checkpoint").write_text("x")
        for path in (tmp_path / name / "checkpoint", tmp_path / name):
            os.utime(path, (old, old))
    (tmp_path / "training" / "checkpoint").touch()
    assert old_work(tmp_path, 14 * 24 * 3600) == ["forgotten"]
    assert (tmp_path / "training" / "checkpoint").exists()
    for name, when in (("a.partial", old), ("b.partial", time.time())):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (when, when))
    assert old_partials(tmp_path) == ["a.partial"]
    assert (tmp_path / "b.partial").exists()


def test_deaths_of_a_run_are_counted_once_each_and_forgotten_when_it_ended_otherwise() -> None:
    names = {"R": Running, "C": Crashed, "F": Failed, "S": Suspended, "P": Pending, "W": AwaitingRetry}

    def died(*said: str) -> int:
        states = [names[each]() for each in said]
        for second, state in enumerate(states):
            state.timestamp = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
        return deaths(states)

    assert died(*"PR") == 0
    assert died(*"PRCWPRCWPR") == 2
    assert died(*"PRCCWPR") == 1, "told by two"
    assert died(*"PRCWPRCWPRCWPRFWPR") == 0, "a person has pressed Retry"
    assert died(*"PRCWPRSWPR") == 0, "it went so far that people were asked"
