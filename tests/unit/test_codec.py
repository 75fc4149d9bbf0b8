"""Values to JSON and back: nothing is lost on the way, and what does not fit is refused by name."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.contract.codec import canonical, decode, encode, write_atomically
from containers.contract.errors import RequestError
from containers.contract.stages import (
    STAGES,
    CleanRequest,
    DiarizeRequest,
    ExtractRequest,
    File,
    RetimeRequest,
    Reused,
    Segment,
    Stretch,
    Turn,
    WatermarkRequest,
    WordReading,
)

TYPES = [each for stage in STAGES.values() for each in (stage.request, stage.result)]
SHA = "ab" * 32

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=8)


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 (a return a kind of type)
    """Any value of a type of the contract."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is File:
        return st.builds(File, path=st.just("in/a b.flac"), sha256=st.just(SHA))
    if kind in (Segment, Turn, Stretch, Reused):
        more = {Turn: {"speaker": TEXT}, Stretch: {"lag": FINITE}, Reused: {"lag": FINITE, "gain": FINITE}}.get(
            kind, {}
        )
        start = st.floats(0, 1e5)
        return st.builds(lambda start, **rest: kind(start=start, end=start + 1.5, **rest), start=start, **more)
    if kind is WordReading:
        word = st.text(min_size=1, max_size=8).filter(str.strip)
        return st.builds(WordReading, word=word, reading=word, accent=st.none() | st.integers(0, 9))
    if kind is RetimeRequest:
        seconds = st.none() | st.floats(0.1, 60)
        some = {"seconds": seconds, "natural": seconds, "slowest": st.floats(0.5, 1), "fastest": st.floats(1, 2)}
        return st.builds(RetimeRequest, speech=values(File), **some)
    if kind is WatermarkRequest:
        return st.builds(WatermarkRequest, speech=values(File), message=st.integers(0, 2**16 - 1))
    if dataclasses.is_dataclass(kind):
        return _instances(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(values(each) for each in arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, values(arguments[1]), max_size=2)
    simple = {float: FINITE, int: st.integers(), str: TEXT, bool: st.booleans(), type(None): st.none()}
    return simple[kind]


@cache
def _instances(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(each) for name, each in typing.get_type_hints(kind).items()})


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_value_of_the_contract_survives_the_way_to_json_and_back(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(TYPES))
    value = data.draw(values(kind))
    text = canonical(value)
    assert decode(kind, json.loads(text)) == value
    assert canonical(decode(kind, json.loads(text))) == text


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_field_that_nobody_knows_is_refused_by_its_name(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(TYPES))
    with pytest.raises(RequestError, match="nonsense"):
        decode(kind, encode(data.draw(values(kind))) | {"nonsense": 1})


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_field_of_another_type_is_refused_by_its_name(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(TYPES))
    fields = {name for name, each in typing.get_type_hints(kind).items() if typing.get_origin(each) is not dict}
    name = data.draw(st.sampled_from(sorted(fields)))
    with pytest.raises(RequestError, match=f"\\.{name}"):
        decode(kind, encode(data.draw(values(kind))) | {name: {"not": "this"}})


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (CleanRequest, {}, "clips"),
        (CleanRequest, {"clips": [], "denoise": "perhaps"}, "CleanRequest.denoise must be one of"),
        (CleanRequest, {"clips": [{"path": "/etc/passwd", "sha256": SHA}]}, "clips[0]: a file's path stays inside"),
        (CleanRequest, {"clips": [{"path": "in/../../a", "sha256": SHA}]}, "clips[0]: a file's path stays inside"),
        (CleanRequest, {"clips": [{"path": "in/a", "sha256": "AB" * 32}]}, "clips[0]: a file needs its SHA-256"),
        (CleanRequest, {"clips": {}}, "CleanRequest.clips must be a list"),
        (CleanRequest, {"clips": [], "peak_dbfs": True}, "CleanRequest.peak_dbfs must be a number"),
        (CleanRequest, {"clips": [], "peak_dbfs": float("nan")}, "CleanRequest.peak_dbfs must be a finite number"),
        (CleanRequest, {"clips": [], "peak_dbfs": 10**400}, "CleanRequest.peak_dbfs must be a finite number"),
        (DiarizeRequest, {"speakers": 2.0}, "DiarizeRequest.speakers must be an integer"),
        (ExtractRequest, {"sample_rate_hz": 48000.0}, "ExtractRequest.sample_rate_hz must be one of"),
        (ExtractRequest, {"bit_depth": "16"}, "ExtractRequest.bit_depth must be one of"),
        (Turn, {"start": 2.0, "end": 1.0, "speaker": "x"}, "Turn: a stretch of time needs 0 <= start < end"),
        (Turn, [], "Turn must be an object"),
    ],
)
def test_a_message_names_the_field_and_what_was_wanted(kind: Any, data: Any, said: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(kind, data)
    assert said in str(refused.value)


def test_a_whole_number_is_a_float_where_seconds_are_wanted() -> None:
    assert decode(Segment, {"start": 0, "end": 2}) == Segment(start=0.0, end=2.0)


def test_the_order_of_keys_does_not_change_the_text() -> None:
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == canonical({"a": {"c": 3, "d": 2}, "b": 1})


def test_a_number_that_json_does_not_have_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"loudness_lufs": float("-inf")})


def test_a_file_is_replaced_whole_and_leaves_no_other_behind(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    for text in ("one", "必殺技"):
        write_atomically(path, text)
        assert path.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_surrogate_pair_comes_back_from_the_file_as_it_was(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", canonical({"text": "a\ud83d"}))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"text": "a\ud83d"}
