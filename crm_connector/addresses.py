# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses, prefixes and ranges as people write them, turned into integers.

`ipaddress` objects cost several microseconds each; a customer base has a million of them, so numbers are used inside.
A prefix is (bits, network, length): 32 or 128, the first address as integer, the prefix length.
"""

from __future__ import annotations

import re
import socket
import struct
from itertools import compress, repeat
from operator import and_, contains, lshift, not_, or_
from socket import inet_ntop, inet_pton
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Prefix: TypeAlias = "tuple[int, int, int]"
#: Addresses of one family: 32 or 128, where they stood, the integers.
Family: TypeAlias = "tuple[int, Sequence[int], Sequence[int]]"

# As plain numbers: looking into an enumeration costs a fifth of what parsing an address does.
AF_INET, AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)

#: What stands before an IPv4 address in IPv6 (RFC 4291 2.5.5.2).
_MAPPED = 0xFFFF

#: The most prefixes one cell may stand for; a range of odd ends needs at most 62 (IPv4) or 254 (IPv6).
MOST_PREFIXES = 1024
LONGEST_CELL = 20_000

_LENGTHS = {f"{length}": length for length in range(129)} | {f"0{length}": length for length in range(10)}
_MASKS = [0xFFFFFFFF << (32 - length) & 0xFFFFFFFF for length in range(33)]
_HOST_BITS = {bits: [(1 << (bits - length)) - 1 for length in range(bits + 1)] for bits in (32, 128)}
#: Lengths in many prefixes at once; the whole Internet is nobody's, and left to the reader that says so.
_PLAIN_LENGTHS = {
    bits: {"": bits} | {f"{length}": length for length in range(1, bits + 1)} for bits in (32, 128)
}  # fmt: skip
_PADDED = re.compile(r"\d{3}(?:\.\d{3}){3}", re.ASCII)
_WILDCARD = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,2})((?:\.\*){1,3})", re.ASCII)
_LAST_OCTET = re.compile(r"\d{1,3}", re.ASCII)
_RANGE = re.compile(r" ?(?:-|–|—|\.\.\.?|\bto\b|\bbis\b) ?")
_BETWEEN = re.compile(r"[,;| ]+")


def parse_address(text: str) -> tuple[int, int]:
    """One address as (bits, integer); an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) counts as IPv4.

    Raises ValueError for anything else.
    """
    try:
        if ":" in text:
            number = int.from_bytes(inet_pton(AF_INET6, text), "big")
            if number >> 32 == _MAPPED:
                return 32, number & 0xFFFFFFFF
            return 128, number
        return 32, int.from_bytes(inet_pton(AF_INET, text), "big")
    except (OSError, ValueError, UnicodeError) as error:
        raise ValueError(f"{text[:60]!r} is not an IP address") from error


def parse_addresses(texts: Sequence[str | None]) -> tuple[list[Family], list[int]]:
    """Many addresses at once: for IPv4 and IPv6 (bits, positions in `texts`, integers), and the positions of what is none.

    For a batch of a thousand this costs a third of `parse_address` for each.
    """
    positions: Sequence[int] = range(len(texts))
    positions6: list[int] = []
    try:
        if ":" in "".join(texts):  # type: ignore[arg-type]
            colons = list(map(contains, texts, repeat(":")))  # type: ignore[arg-type]
            positions6 = list(compress(positions, colons))
            positions = list(compress(positions, map(not_, colons)))
        numbers = _ipv4_numbers(texts if not positions6 else [texts[position] for position in positions])
        numbers6 = _ipv6_numbers([texts[position] for position in positions6])
    except (TypeError, OSError, ValueError):
        return _one_by_one(texts)
    families: list[Family] = [(32, positions, numbers)] if positions else []
    return families + ([(128, positions6, numbers6)] if positions6 else []), []


def _ipv6_numbers(texts: Sequence[str | None]) -> list[int]:
    """Raises ValueError or OSError if one of them is no address, or is an IPv4 address within IPv6."""
    octets = b"".join(map(inet_pton, repeat(AF_INET6), texts))  # type: ignore[arg-type]
    halves = struct.unpack(f">{2 * len(texts)}Q", octets)
    highs, lows = halves[::2], halves[1::2]
    if 0 in highs and any(not high and low >> 32 == _MAPPED for high, low in zip(highs, lows, strict=True)):
        raise ValueError("an IPv4 address")
    return list(map(or_, map(lshift, highs, repeat(64)), lows))


def _one_by_one(texts: Sequence[str | None]) -> tuple[list[Family], list[int]]:
    at: dict[int, list[int]] = {32: [], 128: []}
    numbers: dict[int, list[int]] = {32: [], 128: []}
    bad = []
    for position, text in enumerate(texts):
        try:
            bits, number = parse_address(text or "")
        except ValueError:
            bad.append(position)
        else:
            at[bits].append(position)
            numbers[bits].append(number)
    return [(bits, at[bits], numbers[bits]) for bits in (32, 128) if at[bits]], bad


def _ipv4_numbers(texts: Sequence[str | None]) -> Sequence[int]:
    octets = b"".join(map(inet_pton, repeat(AF_INET), texts))  # type: ignore[arg-type]
    return struct.unpack(f">{len(texts)}I", octets)


def parse_prefix(text: str) -> tuple[int, int, int, bool]:
    """A prefix in CIDR text, or one address: (bits, network, length, corrected).

    `corrected` is true when host bits were set and have been cleared. Raises ValueError.
    """
    address, slash, tail = text.partition("/")
    length = _LENGTHS.get(tail, -1)
    if 0 <= length <= 32 and ":" not in address:
        # What most rows of most tables hold.
        try:
            number = int.from_bytes(inet_pton(AF_INET, address), "big")
        except (OSError, ValueError, UnicodeError) as error:
            raise ValueError(f"{address[:60]!r} is not an IP address") from error
        network = number & _MASKS[length]
        return 32, network, length, network != number
    bits, number = parse_address(address)
    if not slash:
        return bits, number, bits, False
    if length < 0 and "." in tail:
        length = _mask_length(tail)
    elif length < 0:
        raise ValueError(f"{tail[:20]!r} is not a prefix length")
    if bits == 32 and ":" in address:
        length -= 96
    if not 0 <= length <= bits:
        raise ValueError(f"prefix length {length} does not fit an IPv{4 if bits == 32 else 6} address")
    shift = bits - length
    network = number >> shift << shift
    return bits, network, length, network != number


class Heads(NamedTuple):
    """Prefixes of one family: 32 or 128, where they stood, and `first address << 8 | length` of each."""

    bits: int
    positions: Sequence[int]
    heads: Sequence[int]


def parse_prefixes(texts: Sequence[str]) -> tuple[list[Heads], list[int]]:
    """Many prefixes and addresses at once; and the positions of what needs `parse_prefix` or a message.

    Taken is what is written plainly: no host bits set, no netmask, no IPv4 within IPv6, not the whole Internet. For a
    block of a thousand this costs a quarter of `parse_prefix` for each.
    """
    whole = "\n".join(texts)
    if whole.count("\n") != len(texts) - 1 or "/\n" in whole or whole.endswith("/"):
        return [], list(range(len(texts)))
    positions: Sequence[int] = range(len(texts))
    found: list[Heads] = []
    left: list[int] = []
    if ":" in whole:
        colons = list(map(contains, texts, repeat(":")))
        positions6 = list(compress(positions, colons))
        _take_heads(128, positions6, [texts[position] for position in positions6], found, left)
        if len(positions6) == len(texts):
            return found, left
        positions = list(compress(positions, map(not_, colons)))
        texts = [texts[position] for position in positions]
    _take_heads(32, positions, texts, found, left)
    return found, sorted(left)


def _take_heads(bits: int, positions: Sequence[int], texts: Sequence[str], found: list[Heads], left: list[int]) -> None:
    """Those of one family to `found`, what is not plain to `left`."""
    try:
        heads = _heads_of(bits, texts)
    except (OSError, ValueError, KeyError):
        # One that is not plain, or more. Which?
        heads = []
        plain = []
        for position, text in zip(positions, texts, strict=True):
            try:
                heads += _heads_of(bits, (text,))
            except (OSError, ValueError, KeyError):
                left.append(position)
            else:
                plain.append(position)
        positions = plain
    if heads:
        found.append(Heads(bits, positions, heads))


def _heads_of(bits: int, texts: Sequence[str]) -> list[int]:
    """Raises OSError, ValueError or KeyError if one of them is not plain."""
    addresses, _, tails = zip(*[text.partition("/") for text in texts], strict=True)
    lengths = list(map(_PLAIN_LENGTHS[bits].__getitem__, tails))
    numbers = _ipv4_numbers(addresses) if bits == 32 else _ipv6_numbers(addresses)
    if any(map(and_, numbers, map(_HOST_BITS[bits].__getitem__, lengths))):
        raise ValueError("host bits are set")
    return list(map(or_, map(lshift, numbers, repeat(8)), lengths))


def parse_block(text: str) -> tuple[list[Prefix], str]:
    """What a cell of a customer file may hold: (prefixes, what had to be corrected, empty if nothing).

    Takes CIDR, single addresses, `a-b`, `a - 20` (last octet), netmasks (`192.0.2.0 255.255.255.0`), `192.0.2.*`,
    addresses padded with zeros, and several of these with commas or blanks between. Raises ValueError.
    """
    if len(text) > LONGEST_CELL:
        raise ValueError(f"cell of {len(text)} characters")
    text = " ".join(text.strip(" \t\r\n\"'[](){}").split())
    try:
        bits, network, length, corrected = parse_prefix(text)
    except ValueError:
        pass
    else:
        return [(bits, network, length)], f"host bits were set in {text}" if corrected else ""
    ends = _RANGE.split(text, maxsplit=1)
    if len(ends) == 2 and all(ends) and not _BETWEEN.search(text.replace(" ", "")):
        return _parse_range(*ends)
    parts = _BETWEEN.sub(" ", _RANGE.sub("-", text).replace(" /", "/").replace("/ ", "/")).split()
    if len(parts) == 2 and parts[1].startswith(("255.", "128.0", "192.0.0.0", "224.0.0.0", "240.0.0.0", "248.0.0.0")):
        return parse_block(f"{parts[0]}/{parts[1]}") if "/" not in parts[0] else _bad(text)
    if len(parts) == 1:
        return _parse_single(parts[0])
    prefixes: list[Prefix] = []
    notes = []
    for part in parts:
        some, note = _parse_single(part)
        prefixes += some
        if note:
            notes.append(note)
        if len(prefixes) > MOST_PREFIXES:
            raise ValueError(f"more than {MOST_PREFIXES} prefixes in one cell")
    if not prefixes:
        raise ValueError("no address")
    return prefixes, "; ".join(notes)


def _bad(text: str) -> tuple[list[Prefix], str]:
    raise ValueError(f"{text[:60]!r} is not an address, prefix or range")


def _parse_single(text: str) -> tuple[list[Prefix], str]:
    padded = _unpad(text)
    if padded != text:
        prefixes, note = _parse_single(padded)
        return prefixes, "; ".join(filter(None, (f"zeros before the numbers of {text}", note)))
    wildcard = _WILDCARD.fullmatch(text)
    if wildcard:
        known = wildcard[1].split(".")
        if len(known) + wildcard[2].count("*") != 4:
            return _bad(text)
        bits, network, length, _ = parse_prefix(".".join(known + ["0"] * (4 - len(known))) + f"/{8 * len(known)}")
        return [(bits, network, length)], ""
    if "-" in text:
        first, _, last = text.partition("-")
        return _parse_range(first, last)
    bits, network, length, corrected = parse_prefix(text)
    return [(bits, network, length)], f"host bits were set in {text}" if corrected else ""


def _unpad(text: str) -> str:
    """`192.000.002.001` is decimal with padding when every number has three digits; `192.0.02.1` may be octal."""
    return _PADDED.sub(lambda found: ".".join(str(int(octet)) for octet in found[0].split(".")), text)


def _parse_range(first: str, last: str) -> tuple[list[Prefix], str]:
    first, last = _unpad(first.strip()), _unpad(last.strip())
    bits, low = parse_address(first)
    if _LAST_OCTET.fullmatch(last) and bits == 32:
        last = first.rpartition(".")[0] + "." + last
    bits_of_last, high = parse_address(last)
    if bits != bits_of_last:
        raise ValueError(f"range from {first} to {last} mixes IPv4 and IPv6")
    if high < low:
        raise ValueError(f"range is upside down: {first} comes after {last}")
    return split_range(bits, low, high), ""


def split_range(bits: int, low: int, high: int) -> list[Prefix]:
    """The fewest prefixes that cover exactly the addresses from `low` to `high`, both included."""
    prefixes: list[Prefix] = []
    while low <= high:
        # The largest block that starts at `low` is bounded by its alignment and by what is left.
        aligned = bits if low == 0 else (low & -low).bit_length() - 1
        size = min(aligned, (high - low + 1).bit_length() - 1)
        prefixes.append((bits, low, bits - size))
        low += 1 << size
    return prefixes


def _mask_length(mask: str) -> int:
    number = parse_address(mask)[1]
    inverse = number ^ 0xFFFFFFFF
    if inverse & (inverse + 1):
        raise ValueError(f"{mask} is not a netmask")
    return 32 - inverse.bit_length()


def address_text(bits: int, number: int) -> str:
    """The canonical text (RFC 5952 for IPv6) of an address."""
    if bits == 32:
        return inet_ntop(AF_INET, number.to_bytes(4, "big"))
    return inet_ntop(AF_INET6, number.to_bytes(16, "big"))


def prefix_text(prefix: Prefix) -> str:
    """CIDR text of a prefix, also for single addresses."""
    bits, network, length = prefix
    return f"{address_text(bits, network)}/{length}"
