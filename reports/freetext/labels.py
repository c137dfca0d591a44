# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the words around an address say about it (`labels.yaml`): source, target, network, service, control."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

Role = Literal["source", "hosting", "named", "target", "network", "service", "control", ""]
_ROLES: tuple[Role, ...] = ("named", "service", "network", "control", "target", "hosting", "source")
_SIDES: tuple[Role, ...] = ("target", "source")
_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u3099\u309a]+")
#: Letters that Unicode does not take apart, as people without them on their keyboard write them; and the signs of Taiwan, Hong
#: Kong and Japan as the mainland of China writes them: one list of words serves all.
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
    | dict(
        zip(
            "擊撃掃網絡連釣魚濫郵測駭惡權盜傳輸斷號碼帳賬戶詐騙報發電廣檔載註請處當機殭屍務擴應礦據庫開證驗釋異線試圖種類標時間點門設備業單對來認現復爲為資訊軟體獲員誘實際違規蝕隱結僞偽貨識竊聽廠營運導覽構罰級鏈账",
            "击击扫网络连钓鱼滥邮测骇恶权盗传输断号码帐帐户诈骗报发电广档载注请处当机僵尸务扩应矿据库开证验释异线试图种类标时间点门设备业单对来认现复为为资讯软体获员诱实际违规蚀隐结伪伪货识窃听厂营运导览构罚级链帐",
            strict=True,
        )
    )
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: The words inside URLs and host names are no labels.
_NAMES = re.compile(r"\w{2,8}://\S{1,500}|\b[\w-]{1,63}\.[\w-]{1,63}\.[\w.-]{1,200}")
#: `example.net`, but not the name of a field (`source.ip`); the words on both sides of it are no phrase.
_SHORT_NAMES = re.compile(
    r"(?<![\w./:@-])[\w-]{2,63}\.(?!(?:ipv?[46]?|addr|address|host|src|dst|source|target|name|resp|orig)\b)[a-z]{2,13}\b(?![./:-]\w)"
)
#: "the infringer's IP", which is no `s-ip` (the server's in W3C logs).
_OF_SOMEBODY = re.compile(r"(?<=\w{3})['’]s(?= )")
_AS_LABEL = re.compile(r"[\s>*|•-]{0,12}([^\W\d_][^:=|\n]{0,48}?)[ \t.]{0,20}[:=|>][\s\"'|:]{0,20}")
#: A label is near its value: this many words back (heading lines are searched whole).
_REACH = 7
_LONGEST = 5


def plain(text: str) -> str:
    """Case and accents taken away, so that `Zdrojová` and `zdrojova` are one word."""
    text = text.casefold()
    if text.isascii():
        return text
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)


@lru_cache(maxsize=1024)  # a line is asked several questions
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, plain; `srcIp` counts as two."""
    return tuple(_WORD.findall(plain(_CAMEL.sub(" ", text))))


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[dict[str, Role], dict[str, Role], tuple[tuple[str, Role], ...]]:
    data = yaml.safe_load(Path(__file__).with_name("labels.yaml").read_text(encoding="utf-8"))
    before: dict[str, Role] = {}
    for role in _ROLES:
        before.update({plain(str(phrase)): role for phrase in data[role]})
        before.update({plain(phrase.replace(" s ", " ")): role for phrase in data[role] if " s " in str(phrase)[2:]})
    behind: dict[str, Role] = {}
    for role in _SIDES:
        behind.update({plain(phrase): role for phrase in data["behind"][role]})
    cjk = tuple((plain(phrase), role) for role in (*_SIDES, _ROLES[0]) for phrase in data["cjk"][role])
    return before, behind, cjk


@lru_cache(maxsize=8192)
def label_before(text: str) -> tuple[Role, int]:
    """The role that the nearest label in `text` (what stands before the value) gives, and how many words away it is."""
    before, _, cjk = _vocabulary()
    words = words_of(_OF_SOMEBODY.sub("", _SHORT_NAMES.sub(" name ", _NAMES.sub(" ", text))))
    for away in range(min(_REACH, len(words))):
        end = len(words) - away
        for length in range(min(_LONGEST, end), 0, -1):
            role = before.get(" ".join(words[end - length : end]))
            if role:
                return role, away
    if not text.isascii():
        low = plain(text)
        for wanted in (("source", "target"), ("named",)):
            place, role = max(((low.rfind(phrase), role) for phrase, role in cjk if role in wanted), default=(-1, ""))
            if place >= 0:
                return role, 0
    return "", 0


@lru_cache(maxsize=8192)
def label_side(text: str) -> Role:
    """The side that a word within a label takes ("Address of the attacking host:"), where its last words name none.

    Only for what stands alone before a value as its label; empty where it takes none or both.
    """
    label = _AS_LABEL.fullmatch(text[-80:])
    if label is None or len(text) > 80:
        return ""
    words = set(words_of(label[1]))
    sides = [role for role, of_side in _within().items() if not of_side.isdisjoint(words)]
    return sides[0] if len(sides) == 1 else ""


@lru_cache(maxsize=1)
def _within() -> dict[Role, frozenset[str]]:
    data = yaml.safe_load(Path(__file__).with_name("labels.yaml").read_text(encoding="utf-8"))["within"]
    return {role: frozenset(plain(str(word)) for word in data[role]) for role in _SIDES}


#: "192.0.2.1 is our server", but "192.0.2.1 scanned our server".
_LINKS = frozenset(
    """
    is are was were being which that the a an as ist war sind est es e jest je это и and ie i port http https
    """.split()  # noqa: SIM905
)


@lru_cache(maxsize=8192)
def label_behind(text: str) -> Role:
    """The role that the words right behind the value give."""
    _, behind, _ = _vocabulary()
    words = words_of(text)[:5]
    for start in range(min(2, len(words))):
        for length in range(min(4, len(words) - start), 0, -1):
            role = behind.get(" ".join(words[start : start + length]))
            if role and not (role == "target" and start and words[0] not in _LINKS):
                return role
    return ""
