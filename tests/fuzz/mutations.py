"""Ways to damage bytes and text, from a seed: what disks, networks, editors and strangers do to files."""

from __future__ import annotations

import random
from collections.abc import Callable

Damage = Callable[[random.Random, bytes], bytes]

TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"{}", b"[[[[", b"&a [*a]", b"!!python/object:os.system", b"1e999",
    b"-1", b"NaN", "円堂".encode("cp932"), "é".encode(), "\u202e".encode(), b"%s%n", b"../../x", b"\xed\xa0\x80",
)  # fmt: skip


def flipped(dice: random.Random, data: bytes) -> bytes:
    """Single bits, most of them near the beginning, where headers are."""
    spoilt = bytearray(data)
    for _ in range(dice.choice((1, 3, 30))):
        spoilt[int(len(spoilt) * dice.random() ** dice.choice((1, 4)))] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def cut_off(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


def holed(dice: random.Random, data: bytes) -> bytes:
    """A stretch is missing, or zeros stand in its place."""
    start = dice.randrange(len(data))
    end = min(len(data), start + dice.choice((1, 16, 512, 65536)))
    return data[:start] + bytes(end - start) * dice.randrange(2) + data[end:]


def doubled(dice: random.Random, data: bytes) -> bytes:
    """A stretch stands in another place too."""
    start, at = dice.randrange(len(data)), dice.randrange(len(data))
    return data[:at] + data[start : start + dice.choice((4, 188, 4096))] + data[at:]


def numbered(dice: random.Random, data: bytes) -> bytes:
    """Four bytes say the most, the least or a huge number: sizes, counts, rates."""
    at = int(max(1, len(data) - 4) * dice.random() ** 4)
    number = dice.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80"))
    return data[:at] + number + data[at + 4 :]


def peppered(dice: random.Random, data: bytes) -> bytes:
    """Things that parsers trip over, put in between."""
    spoilt = data
    for _ in range(dice.choice((1, 4))):
        at = dice.randrange(len(spoilt) + 1)
        spoilt = spoilt[:at] + dice.choice(TOKENS) * dice.choice((1, 1, 200)) + spoilt[at:]
    return spoilt


def shuffled(dice: random.Random, data: bytes) -> bytes:
    """Lines in another order, some of them twice."""
    lines = data.splitlines(keepends=True)
    return b"".join(dice.choices(lines, k=len(lines)))


BINARY: tuple[Damage, ...] = (flipped, cut_off, holed, doubled, numbered)
TEXT: tuple[Damage, ...] = (*BINARY, peppered, peppered, shuffled)


def damaged(dice: random.Random, data: bytes, ways: tuple[Damage, ...]) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 3))):
        data = dice.choice(ways)(dice, data) or b"\x00"
    return data
