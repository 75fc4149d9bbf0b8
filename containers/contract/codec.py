"""Values to JSON and back, strictly: unknown fields are refused, types are checked.

Not a serializer for everything: frozen dataclasses of JSON types, tuples,
`dict[str, ...]`, `Literal` and `X | None`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from .errors import RequestError

T = TypeVar("T")


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no NaN, a newline at the end.

    >>> canonical({"b": (1, 2), "a": "é"})
    '{"a":"é","b":[1,2]}\\n'
    """
    return (
        json.dumps(
            encode(value),
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )
        + "\n"
    )


def encode(value: Any) -> Any:
    """Plain JSON data of a value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: encode(getattr(value, field.name)) for field in fields}
    if isinstance(value, (list, tuple)):
        return [encode(each) for each in value]
    if isinstance(value, dict):
        return {key: encode(each) for key, each in value.items()}
    return value


def decode(kind: type[T], data: Any, where: str = "") -> T:
    """The value of type `kind` that `data` says; RequestError names the field that does not fit."""
    return typing.cast(T, _decode(kind, data, where or getattr(kind, "__name__", str(kind))))


def _decode(kind: Any, data: Any, where: str) -> Any:  # noqa: PLR0911 (a return a kind of type)
    if kind is Any:
        return data
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, where)
    if origin is typing.Literal:
        if not any(type(data) is type(each) and data == each for each in arguments):
            raise RequestError(f"{where} must be one of {arguments}, got {data!r:.80}")
        return data
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        (inner,) = [each for each in arguments if each is not type(None)]
        return _decode(inner, data, where)
    if origin is tuple:
        _check(isinstance(data, list), where, "a list", data)
        return tuple(_decode(arguments[0], each, f"{where}[{i}]") for i, each in enumerate(data))
    if origin is dict:
        _check(isinstance(data, dict), where, "an object", data)
        return {key: _decode(arguments[1], each, f"{where}.{key}") for key, each in data.items()}
    if kind is float:
        _check(isinstance(data, (int, float)) and not isinstance(data, bool), where, "a number", data)
        _check(abs(data) <= sys.float_info.max, where, "a finite number", data)
        return float(data)
    if kind is int:
        _check(isinstance(data, int) and not isinstance(data, bool), where, "an integer", data)
        return data
    _check(isinstance(data, kind), where, kind.__name__, data)
    return data


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    _check(isinstance(data, dict), where, "an object", data)
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise RequestError(f"{where} has unknown fields {unknown}; it knows {sorted(hints)}")
    values = {name: _decode(hints[name], each, f"{where}.{name}") for name, each in data.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{where}: {error}") from error


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _check(fits: bool, where: str, wanted: str, got: Any) -> None:
    if not fits:
        raise RequestError(f"{where} must be {wanted}, got {got!r:.80}")


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is either not there or whole, also after a power cut.

    Half of a surrogate pair, which UTF-8 has no bytes for, is written as JSON escapes it.
    """
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
