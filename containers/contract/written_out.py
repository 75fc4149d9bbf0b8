"""Japanese text as it is said: what is written in figures and signs, in words.

Open JTalk reads numbers with their counters; what it leaves unread are the signs between them. Where a sign has
several readings the commonest in speech is taken (3-2 is a score): another is told by a reading of that place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Union

_NUMBER = r"\d[\d,]*(?:\.\d+)?[万億兆]*"
_MONEY = {"¥": "円", "￥": "円", "$": "ドル", "＄": "ドル", "€": "ユーロ", "£": "ポンド", "￡": "ポンド"}
_AFTER = "時分秒日月年円人個本回点歳才度％%"
_OPEN = r"(?:^|(?<=[\s「『（(【、。，．！？!?…―─]))"
_BREAK = r"(?=[っッぁぃぇァィェー～〜…‥、。！？!?]|$)"


def _time(match: re.Match[str]) -> str:
    hour, minute, second = match.groups()
    said = f"{int(hour)}時" + (f"{int(minute)}分" if int(minute) or second else "")
    return said + (f"{int(second)}秒" if second else "")


def _hyphens(match: re.Match[str]) -> str:
    """Two short numbers are a score, others a number in groups, such as one to call."""
    parts = re.split("[-−–‐]", match.group())
    return ("対" if len(parts) == 2 and all(len(each) <= 2 for each in parts) else "の").join(parts)


_RULES: tuple[tuple[str, Union[str, Callable[[re.Match[str]], str]]], ...] = (
    (f"([{''.join(_MONEY)}])\\s*({_NUMBER})", lambda match: match.group(2) + _MONEY[match.group(1)]),
    (r"(?<![\d/])(\d{4})/(\d{1,2})/(\d{1,2})(?![\d/])", r"\1年\2月\3日"),
    (r"(?<![\d:])(\d{1,2})[:：]([0-5]\d)(?:[:：]([0-5]\d))?(?![\d:])", _time),
    (r"(?<![\d.,])0(\d)(?=[時分秒月日])", r"\1"),
    (r"(?<![\d/])(\d+)[/⁄](\d+)(?![\d/])", r"\2分の\1"),
    (r"(?<![A-Za-z\d.-])\d+(?:[-−–‐]\d+)+(?![A-Za-z\d-])", _hyphens),
    (r"(?<=\d)\s*対\s*(?=\d)", "タイ"),
    (rf"(?<=[\d{_AFTER}])\s*[~～〜]\s*(?=\d)", "から"),
    (r"(?<=[一-鿿])[～〜](?=[一-鿿])", "から"),
    (r"(?<=[ぁ-んァ-ヺー])[~～〜]+", "ー"),
    (r"(?<=[A-Za-z])[-−–‐](?=\d)", ""),
    (r"(?<![A-Za-z\d)）])[-−–](?=\d)", "マイナス"),
    (r"(?<![A-Za-z\d)）])[+＋](?=\d)", "プラス"),
    (r"±(?=\d)", "プラスマイナス"),
    (r"(?<=\d)\s*[×✕]\s*(?=\d)", "かける"),
    (r"(?<=\d)\s*÷\s*(?=\d)", "わる"),
    (r"(?<=\w)\s*[=＝]\s*(?=[\w-])", "イコール"),
    (r"[#＃](?=\d)", "ナンバー"),
    (r"(?<=\w)[@＠](?=\w)", "アットマーク"),
    (r"(?i)(?<![a-z])vs\.?(?![a-z])", "VS"),
    (r"(?i)(?<![a-z])ver\.\s*(?=\d)", "バージョン"),
    (rf"{_OPEN}は{_BREAK}", "ハ"),
    (rf"{_OPEN}へ{_BREAK}", "ヘ"),
)
"""What is written, and what is said; in this order. The last two: no phrase begins with a particle: は? is ha."""


def folded(text: str) -> str:
    """The same text in one way of writing: NFC, letters and digits of half the width, kana of the full one.

    >>> folded("ＦＦＩで１．５㎞、ｺﾞｯﾄﾞ！")
    'FFIで1.5km、ゴッド！'
    """
    parts = re.sub(
        "[\uff66-\uff9f]+|[\u3300-\u33ff]|[Ａ-Ｚａ-ｚ０-９]|[①-⑳½¼¾⅓⅔]", _compatible, unicodedata.normalize("NFC", text)
    )
    return re.sub(r"(?<=\d)．(?=\d)", ".", parts)


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())


def written_out(text: str) -> str:
    """Japanese text whose signs are words.

    >>> written_out("¥1,000で3-2、15:05～16:00に1/2。は？")
    '1,000円で3タイ2、15時5分から16時に2分の1。ハ？'
    """
    said = folded(text)
    for written, spoken in _RULES:
        said = re.sub(written, spoken, said, flags=re.MULTILINE)
    return said
