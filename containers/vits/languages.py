"""Whether two codes mean one language: requests speak ISO 639-1, models ISO 639-3, often with a script."""

from __future__ import annotations

_PAIRS = """
af:afr am:amh ar:ara as:asm az:azj ba:bak be:bel bg:bul bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che
cs:ces cv:chv cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas
ff:ful fi:fin fj:fij fo:fao fr:fra ga:gle gl:glg gn:grn gu:guj ha:hau he:heb hi:hin hr:hrv ht:hat hu:hun
hy:hye id:ind ig:ibo is:isl it:ita ja:jpn jv:jav ka:kat kk:kaz km:khm kn:kan ko:kor ku:kmr ky:kir la:lat
lg:lug ln:lin lo:lao lt:lit lv:lav mg:mlg mi:mri mk:mkd ml:mal mn:mon mr:mar ms:zlm mt:mlt my:mya nb:nob
ne:npi nl:nld no:nor ny:nya om:orm or:ory os:oss pa:pan pl:pol ps:pus pt:por qu:que ro:ron ru:rus rw:kin
sa:san sd:snd sg:sag si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp su:sun sv:swe sw:swh ta:tam
te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tr:tur ts:tso tt:tat ug:uig uk:ukr ur:urd uz:uzb vi:vie wo:wol
xh:xho yi:yid yo:yor zh:cmn zu:zul
"""
"""ISO 639-1:639-3, of languages for which there are models."""
_LONG = dict(pair.split(":") for pair in _PAIRS.split())


def is_same(one: str, other: str) -> bool:
    """Codes of two or three letters; what follows them (`-US`, `-script_latin`) does not count.

    >>> is_same("ja", "jpn"), is_same("uz", "uzb-script_cyrillic"), is_same("en-US", "en"), is_same("ja", "eng")
    (True, True, True, False)
    """
    return _long(one) == _long(other)


def _long(code: str) -> str:
    short = code.strip().lower().replace("_", "-").split("-")[0]
    return _LONG.get(short, short)
