"""Nothing of ours executes what it loads: every import and call that could is found, and the exceptions say why.

Looks at the source of the house and of our engines, not at other people's libraries: an engine whose library loads
unsafely inside gets files pinned by hash and no network (docs/weights.md).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.settings import HERE
from tasks.series.reading import _Loader

ROOMS = ("flows", "tasks", "infra", "containers")
EXECUTES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
"""Modules that run code of what they read."""
BUILTINS = {"eval", "exec", "compile", "__import__"}
UNSAFE_CALLS = {
    "yaml.unsafe_load": "builds any object",
    "yaml.full_load": "builds more than plain values",
    "yaml.load_all": "builds any object, by its loader",
    "torch.hub.load": "runs code from the network",
    "torch.jit.load": "runs a program from a file",
    "pandas.read_pickle": "unpickles",
    "torch.package.PackageImporter": "runs code from a file",
}
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("tasks/series/reading.py", "yaml.load"): "its loader is a yaml.SafeLoader that reads even less: dates stay text",
    ("containers/light/speech.py", "torch.jit.load"): (
        "silero_vad.jit, a file of a package that requirements.txt pins by hash, never a user's; tensors are taken "
        "from it and the program in it is not run"
    ),
}
"""(file, what is found there) -> why it cannot execute what it reads."""


def findings(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of everything in a module that could run code of what it loads."""
    tree = ast.parse(source)
    names = dict(_names(tree))
    only_named = _names_errors_only(tree)
    for node in ast.walk(tree):
        for module in _imported(node):
            if module.partition(".")[0] in EXECUTES and not (module == "pickle" and only_named):
                yield node.lineno, f"import {module.partition('.')[0]}"
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _call(node, names))


def _names_errors_only(tree: ast.AST) -> bool:
    """Whether `import pickle` serves to name the error that torch raises at a pickle, and nothing else."""
    wanted = {each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id == "pickle"}
    named = {
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and each.attr in ("UnpicklingError", "PicklingError")
    }
    plain = all(
        each.asname is None
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for each in node.names
        if each.name == "pickle"
    )
    other = any(isinstance(node, ast.ImportFrom) and node.module == "pickle" for node in ast.walk(tree))
    return bool(wanted) and wanted <= named and plain and not other


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What names of imports stand for: np -> numpy, load -> torch.load."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield (
                    each.asname or each.name.partition(".")[0],
                    each.name if each.asname else each.name.partition(".")[0],
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else "?"


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    called = _dotted(node.func, names)
    said = {each.arg: each.value for each in node.keywords}

    def is_(name: str, value: object) -> bool:
        given = said.get(name)
        return isinstance(given, ast.Constant) and given.value is value

    if isinstance(node.func, ast.Name) and called in BUILTINS:
        yield called
    if called in UNSAFE_CALLS:
        yield called
    if called == "torch.load" and not is_("weights_only", True):
        yield "torch.load without weights_only=True"
    if called.endswith(".load_from_checkpoint") and not is_("weights_only", True):
        yield "load_from_checkpoint without weights_only=True"
    if called == "numpy.load" and "allow_pickle" in said and not is_("allow_pickle", False):
        yield "numpy.load with allow_pickle"
    if called == "yaml.load":
        yield "yaml.load"
    if "trust_remote_code" in said and not is_("trust_remote_code", False):
        yield "trust_remote_code"
    if None in said and called in ("torch.load", "numpy.load"):
        yield f"{called} with options nobody can see"


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (HERE / room).rglob("*.py"))


def test_nothing_of_ours_executes_what_it_loads() -> None:
    found = {
        (path.relative_to(HERE).as_posix(), what): line
        for path in sources()
        for line, what in findings(path.read_text("utf-8"))
    }
    assert len(sources()) > 200, "the scan sees the project"
    unknown = [f"{file}:{found[file, what]}: {what}" for file, what in found.keys() - EXCEPTIONS.keys()]
    assert not unknown, "load it as plain data, or say in EXCEPTIONS why it is safe: " + "; ".join(sorted(unknown))
    assert issubclass(_Loader, yaml.SafeLoader), "what the exception says"
    assert not EXCEPTIONS.keys() - found.keys(), "an exception that is no longer needed goes"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "import pickle"),
        ("import pickle\ntry: f()\nexcept pickle.UnpicklingError: pickle.load(x)", "import pickle"),
        ("import pickle as p\np.loads(x)", "import pickle"),
        ("from pickle import UnpicklingError, loads", "import pickle"),
        ("Model.load_from_checkpoint(path)", "load_from_checkpoint without weights_only=True"),
        ("def f():\n    from joblib import load", "import joblib"),
        ("import torch as t\nt.load(path)", "torch.load without weights_only=True"),
        ("from torch import load as l\nl(path, weights_only=False)", "torch.load without weights_only=True"),
        ("import torch\ntorch.load(path, **options)", "torch.load without weights_only=True"),
        ("import torch\ntorch.load(path, weights_only=safe)", "torch.load without weights_only=True"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "numpy.load with allow_pickle"),
        ("import yaml\nyaml.load(text, Loader=yaml.Loader)", "yaml.load"),
        ("import yaml\nyaml.unsafe_load(text)", "yaml.unsafe_load"),
        ("eval(text)", "eval"),
        ("exec(compile(text, 'x', 'exec'))", "exec"),
        ("import torch\ntorch.hub.load('a/b', 'c')", "torch.hub.load"),
        ("M.from_pretrained(path, trust_remote_code=True)", "trust_remote_code"),
    ],
)
def test_the_scan_finds_what_it_is_for(source: str, what: str) -> None:
    assert what in [each for _, each in findings(source)]


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(path, map_location='cpu', weights_only=True)",
        "import numpy as np\nnp.load(path)\nnp.load(path, allow_pickle=False)",
        "import yaml\nyaml.safe_load(text)",
        "import re\nre.compile('x')\nmodel.eval()",
        "'import pickle'",
        "import pickle\ntry: f()\nexcept pickle.UnpicklingError: g()",
    ],
)
def test_the_scan_leaves_plain_loading_alone(source: str) -> None:
    assert list(findings(source)) == []
