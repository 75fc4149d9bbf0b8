"""Whether Japanese is read right: sentences with their kana, by Open JTalk alone and as light reads them.

    python -m tests.bench.reading_quality [--show]

`sentences.tsv` holds names, numbers, Latin words, lines of dialogue and the texts of cases/japanese (Common Voice),
each with its kana as said, written by hand. `alone`: Open JTalk as it comes. `light`: with what light does to a text.
`dictionary`: the same with the words of `dictionary.csv`. Error: share of wrong kana (Levenshtein), long vowels
written one way.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from containers.contract.readings import moras
from containers.contract.stages import WordReading
from containers.light.japanese import open_jtalk, read

HERE = Path(__file__).parent / "readings"
_ROWS = {
    "ア": "アカサタナハマヤラワガザダバパャァ",
    "イ": "イキシチニヒミリギジビピィ",
    "ウ": "ウクスツヌフムユルグズブプュゥ",
}
_ROWS |= {"エ": "エケセテネヘメレゲゼデベペェ", "オ": "オコソトノホモヨロヲゴゾドボポョォ"}


def folded(kana: str) -> str:
    """Kana without marks; a vowel that only lengthens the one before it is ー."""
    plain = re.sub("[^ァ-ヺー]", "", kana).translate(str.maketrans("ヲヅヂ", "オズジ"))
    said, vowel = "", ""
    for each in plain:
        long = each == vowel or (each, vowel) in {("ウ", "オ"), ("イ", "エ")}
        said += "ー" if long else each
        vowel = next((vowel for vowel, row in _ROWS.items() if each in row), vowel if each == "ー" else "")
    return said


def distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's, over moras."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def words() -> list[WordReading]:
    with open(HERE / "dictionary.csv", encoding="utf-8") as stream:
        return [
            WordReading(word=row["surface"], reading=row["reading"], accent=int(row["accent"]))
            for row in csv.DictReader(stream)
        ]


def alone(text: str) -> str:
    """Open JTalk's own kana; signs and lone letters by their reading, as it speaks them."""
    return "".join(each["pron"] for each in open_jtalk().g2p_mapping(text) if each["phonemes"] != ["pau"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name each sentence that is read wrong")
    show = parser.parse_args().show
    given = words()
    ways: dict[str, Callable[[str], str]] = {
        "alone": alone,
        "light": lambda text: "".join(each.reading for each in read(text)),
        "dictionary": lambda text: "".join(each.reading for each in read(text, given)),
    }
    right: dict[tuple[str, str], int] = defaultdict(int)
    wrong: dict[tuple[str, str], int] = defaultdict(int)
    sentences: dict[str, int] = defaultdict(int)
    said: dict[str, int] = defaultdict(int)
    with open(HERE / "sentences.tsv", encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            expected = moras(folded(row["kana"]))
            for kind in (row["kind"], "all"):
                sentences[kind] += 1
                said[kind] += len(expected)
            for way, kana in ways.items():
                got = moras(folded(kana(row["sentence"])))
                errors = distance(expected, got)
                for kind in (row["kind"], "all"):
                    right[kind, way] += not errors
                    wrong[kind, way] += errors
                if errors and show:
                    print(f"{way:10} {row['sentence']}\n    wanted {''.join(expected)}\n    got    {''.join(got)}")
    print(f"{'':8} {'sentences':>9}" + "".join(f"{way:>12} {'error':>7}" for way in ways))
    for kind, count in sentences.items():
        figures = "".join(f"{right[kind, way]:>12} {wrong[kind, way] / said[kind]:>7.1%}" for way in ways)
        print(f"{kind:8} {count:>9}{figures}")


if __name__ == "__main__":
    main()
