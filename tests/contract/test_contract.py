"""What every engine signs, whatever its stages: form, strictness, determinism, errors by kind."""

from __future__ import annotations

import json

from containers.contract.codec import canonical, encode
from containers.contract.item import sha256_of
from containers.contract.stages import CONTRACT, STAGES, File
from tests.contract.conftest import Answer, Answers
from tests.contract.requests import SPOILED


def test_a_result_is_canonical_decodes_strictly_and_names_its_engine(answer: Answer, stage: str, engine) -> None:
    envelope = answer.envelope
    assert set(envelope) == {"contract", "stage", "engine", "result"}
    assert (envelope["contract"], envelope["stage"]) == (CONTRACT, stage)
    assert envelope["engine"].startswith(f"{engine.name} ")
    assert isinstance(answer.result, STAGES[stage].result)
    assert (answer.folder / "result.json").read_text("utf-8") == canonical(envelope)


def test_a_result_says_the_same_after_a_round_trip(answer: Answer) -> None:
    """Numbers keep their types on the way: what the house decodes encodes to the same text."""
    assert canonical(encode(answer.result)) == canonical(answer.envelope["result"])


def test_every_file_of_a_result_lies_in_out_with_the_hash_it_says(answer: Answer) -> None:
    named = _files(answer.envelope["result"])
    assert all(file.path.startswith("out/") for file in named)
    assert [sha256_of(answer.folder / file.path) for file in named] == [file.sha256 for file in named]
    assert set(answer.files()) == {file.path for file in named}, "nothing lies in out that the result does not name"


def test_the_same_request_gives_the_same_bytes(answers: Answers, stage: str) -> None:
    first, second = answers.again(stage), answers.good(stage)
    assert canonical(first.envelope) == canonical(second.envelope)
    assert first.files() == second.files()


def test_a_spoiled_request_gets_an_error_of_the_kind_that_says_who_can_help(
    answers: Answers, stage: str, way: str
) -> None:
    answer = answers.other(stage, way)
    assert not (answer.folder / "result.json").exists()
    assert answer.error["kind"] == SPOILED[way][1], answer.error["message"]
    assert set(answer.error) == {"contract", "kind", "message"}


def test_a_hard_file_gets_a_result_or_is_the_recordings_fault(answers: Answers, stage: str, difficulty: str) -> None:
    """Never the machine's: trying again would not help."""
    answer = answers.other(stage, difficulty)
    if (answer.folder / "error.json").exists():
        assert answer.error["kind"] == "recording", answer.error["message"]
    else:
        assert isinstance(answer.result, STAGES[stage].result)


def test_a_message_about_the_form_names_the_field(answers: Answers, stage: str) -> None:
    assert "nonsense" in answers.other(stage, "unknown_field").error["message"]


def test_an_engine_whose_items_failed_has_finished_all_the_same(answers: Answers) -> None:
    assert {ended.reason for ended in answers.exits} == {"finished"}


def test_progress_lines_are_json_and_end_with_each_item_done(answers: Answers) -> None:
    said = [json.loads(line) for line in answers.lines if line.startswith('{"item"')]
    assert all(set(each) == {"item", "done"} and 0 <= each["done"] <= 1 for each in said)
    assert {each["item"] for each in said if each["done"] == 1} >= set(answers.engine.stages)


def test_what_may_differ_between_runs_lies_in_run_json_alone(answer: Answer) -> None:
    run = json.loads((answer.folder / "run.json").read_text("utf-8"))
    assert {"seconds", "host", "peak_memory_mb", "finished"} <= set(run)
    assert run["seconds"] >= 0 < run["peak_memory_mb"]


def _files(value: object) -> list[File]:
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return [File(**value)]
        return [file for each in value.values() for file in _files(each)]
    if isinstance(value, list):
        return [file for each in value for file in _files(each)]
    return []
