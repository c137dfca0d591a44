# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose page it is: name, logo, colours and own words, of the account or of the operator."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.logo import LARGEST_LOGO
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.portal.settings import Portal

#: How the operator's own brand is named in addresses; no account can be called so.
OPERATOR = "-"
KEPT_SECONDS = 60.0
_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".svg": "image/svg+xml",
}  # fmt: skip
_LIGHT_PAPER, _DARK_PAPER, _DARK_INK = (255, 255, 255), (26, 32, 39), (16, 21, 27)
#: WCAG 2.2, 1.4.3
ENOUGH = 4.5

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Brand:
    """What a page shows of its owner. `mark` changes with colour and logo, so that browsers may keep these."""

    account: str
    name: str
    colour: str = ""
    has_logo: bool = False
    texts: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""

    @property
    def path(self) -> str:
        """Where its colours and logo are."""
        return f"/help/brand/{self.account or OPERATOR}"

    def text(self, key: str, language: str) -> str:
        """Own words for a place on the page, in the language or the first there is; empty if there are none."""
        value = self.texts.get(key, "")
        if isinstance(value, dict):
            value = value.get(language) or value.get("en") or next(iter(value.values()), "")
        return value if isinstance(value, str) else ""


class Brands:
    """The brands of one box, read again once a minute; safe for threads."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Brand]] = {}

    def operator(self) -> Brand:
        """The operator's own, from abusehandler.yaml."""
        settings = self._portal.configuration.self_help
        has_logo = settings.logo is not None and settings.logo.suffix.lower() in _TYPES
        return Brand(
            "", self._portal.configuration.organisation.name, settings.colour, has_logo,
            {str(key): text for key, text in settings.texts.items()},
            _mark(settings.colour, str(settings.logo)),
        )  # fmt: skip

    def of(self, account: str) -> Brand:
        """The account's; what it does not say itself is the operator's. Raises Unavailable."""
        if account in ("", OPERATOR):
            return self.operator()
        with self._lock:
            at, brand = self._kept.get(account, (0.0, None))
        if brand is not None and time.monotonic() - at < KEPT_SECONDS:
            return brand
        with self._portal.pool.database() as database:
            rows = database.at_once(statements("selfhelp")["brand"], {"account": account})
        ours = self.operator()
        if not rows:
            return ours
        name, colour, has_logo, digest, texts = rows[0]
        texts = texts if isinstance(texts, dict) else {}
        mark = _mark(colour or ours.colour, digest)
        brand = Brand(account, name, colour or ours.colour, has_logo, {**ours.texts, **texts}, mark)
        with self._lock:
            self._kept[account] = (time.monotonic(), brand)
        return brand

    def forget(self, account: str) -> None:
        """Its brand was changed just now: this process shows it at once, others within a minute."""
        with self._lock:
            self._kept.pop(account, None)

    def logo(self, account: str) -> tuple[bytes, str] | None:
        """The logo and its media type; None if there is none."""
        if account == OPERATOR:
            path = self._portal.configuration.self_help.logo
            kind = _TYPES.get(path.suffix.lower(), "") if path is not None else ""
            if path is None or not kind:
                return None
            try:
                with path.open("rb") as file:
                    content = file.read(LARGEST_LOGO + 1)
            except OSError:
                return None
            return (content, kind) if len(content) <= LARGEST_LOGO else None
        with self._portal.pool.database() as database:
            rows = database.at_once(statements("selfhelp")["logo"], {"account": account})
        return (bytes(rows[0][0]), rows[0][1]) if rows and rows[0][1] in _TYPES.values() else None


def colours(colour: str) -> str:
    """A style sheet with the colour made dark and light enough to be read on both grounds; empty for none."""
    if not colour:
        return ""
    light, dark = shades(colour)
    return (
        f":root{{--brand:{light.shown};--on-brand:#fff}}\n"
        f"@media (prefers-color-scheme: dark){{:root{{--brand:{dark.shown};--on-brand:{_hex(_DARK_INK)}}}}}\n"
    )


@dataclass(frozen=True, slots=True)
class Shade:
    """How a colour is shown on one ground: `contrast` is that of the colour as it was chosen, `shown` what pages use."""

    ground: str
    contrast: float
    shown: str

    @property
    def is_readable(self) -> bool:
        """Whether it could stay as it was chosen (WCAG 2.2, 1.4.3, level AA)."""
        return self.contrast >= ENOUGH


def shades(colour: str) -> tuple[Shade, ...]:
    """The colour on white, and on the dark ground; none for no colour."""
    if not colour:
        return ()
    wanted = _parts(colour)
    return tuple(
        Shade(ground, contrast(wanted, paper), _hex(_until_readable(wanted, towards, paper)))
        for ground, towards, paper in (("white", (0, 0, 0), _LIGHT_PAPER), ("dark", (255, 255, 255), _DARK_PAPER))
    )


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _until_readable(colour: Colour, towards: Colour, ground: Colour) -> Colour:
    for step in range(21):
        part = step / 20
        mixed = tuple(round(a + (b - a) * part) for a, b in zip(colour, towards, strict=True))
        found = (mixed[0], mixed[1], mixed[2])
        if contrast(found, ground) >= ENOUGH:
            return found
    return towards


def _parts(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: Colour) -> float:
    parts = [value / 255 for value in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mark(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=6).hexdigest()
