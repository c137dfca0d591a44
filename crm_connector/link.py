# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One source in the chain: reads it when it changed, keeps the last good state, and knows how old that is."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from abusehandler.crm_connector.last_good import CopySummary, LastGood, teeing
from abusehandler.crm_connector.layer import Layer, Problems, build_layer
from abusehandler.crm_connector.mass_change import suspicion
from abusehandler.crm_connector.plain_rows import blocks_of
from abusehandler.errors import AbusehandlerError, ConfigurationError

if TYPE_CHECKING:
    from abusehandler.crm_connector.connector import Connector

#: Pauses between tries of a broken remote source, seconds: doubled from the first to the last.
_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 900.0
#: The longest pause that a server may wish for by Retry-After.
_LONGEST_WISH = 6 * 3600.0
#: A remote source that cannot tell whether anything changed is read so often, seconds, if nothing else is set.
_EVERY = 900.0
#: A copy with so many rows is loaded within a few seconds.
_QUICKLY_COMPARED = 200_000
#: Reading may take one part in so many of the time: a month of leases must not be read all day long.
_SHARE = 10


class Link:
    """A connector with its state. Refreshed by one thread at a time."""

    def __init__(
        self,
        name: str,
        connector: Connector,
        *,
        overwrite: bool = False,
        max_gone_percent: float = 20.0,
        max_age: timedelta = timedelta(hours=24),
        last_good: LastGood | None = None,
        every: timedelta | None = None,
    ) -> None:
        self.name = name
        self.connector = connector
        self.overwrite = overwrite
        self.layer: Layer | None = None
        self.trouble = ""
        self.remote = bool(getattr(connector, "remote", False))
        self._every = every
        self._due = 0.0
        self._max_gone = max_gone_percent
        self._max_age = max_age
        self.copy = last_good
        self._mark: str | None = None
        self._good_at: datetime | None = None
        self._pause = 0.0
        self._not_before = 0.0
        self._working = threading.Lock()
        self._fresh: Layer | None = None
        self._handing = threading.Lock()

    def open(self) -> None:
        """Get a first state: of a remote source the copy on disk, else what is read now, else the copy.

        Raises if there is neither. A remote source whose copy serves is read in the background at the next refresh: a
        start never waits for another machine that was there before.
        """
        if self.remote and self._serve_copy():
            return
        try:
            layer, mark = self._read()
        except Exception as error:
            self._note(error)
            if self.copy is None or not self.copy.exists():
                raise
            try:
                self.layer = self.copy.load()
            except (ConfigurationError, OSError) as damage:
                raise ConfigurationError(
                    f"{self.name}: {self.trouble}; and the last good copy does not help: {damage}"
                ) from error
            self._good_at = self.layer.read_at
            return
        baseline = self.copy.summary() if self.copy is not None else None
        if self.copy is not None and baseline is not None and _worth_comparing(layer, baseline):
            old = self._loaded_copy()
            why = self.suspicion(old, layer)
            if why and old is not None:
                self._refuse(why)
                self.layer, self._good_at, self._mark = old, old.read_at, mark
                self._discard_copy()
                return
        self._take(layer, mark)

    def _serve_copy(self) -> bool:
        """Whether the copy on disk serves from now on."""
        if self.copy is None or self.copy.summary() is None:
            return False
        layer = self._loaded_copy()
        if layer is None:
            return False
        self.layer, self._good_at = layer, layer.read_at
        return True

    def _loaded_copy(self) -> Layer | None:
        """The copy on disk; None for one that is cut in the middle, or cannot be read by this user."""
        try:
            return self.copy.load() if self.copy is not None else None
        except (ConfigurationError, OSError):
            return None

    def refresh(self, *, wait: bool = False) -> bool:
        """Read again if the source changed; whether there is a new state. Never raises.

        A remote or large source is read by a thread; its state is taken by the next call after it came. With `wait`
        it is read now, even if it is not due yet.
        """
        # A file may have grown large meanwhile.
        background = self.remote or bool(getattr(self.connector, "background", False))
        if background and not wait:
            fresh = self._handed_over()
            if fresh is not None:
                self.layer = fresh
            if time.monotonic() >= max(self._not_before, self._due) and self._working.acquire(blocking=False):
                self._start_reading()
            return fresh is not None
        if not wait and time.monotonic() < self._due:
            return False
        with self._working:
            fresh = self._try()
            # What a thread may have left behind is older than this reading.
            earlier = self._handed_over()
        fresh = fresh or earlier
        if fresh is not None:
            self.layer = fresh
        return fresh is not None

    def problems(self) -> list[str]:
        """What a person should know about this source."""
        found = []
        if self.trouble:
            found.append(f"{self.name}: {self.trouble}; what was read {self._age_text()} keeps serving")
        elif self._good_at and datetime.now(timezone.utc) - self._good_at > self._max_age:
            found.append(f"{self.name}: the data is old, read {self._age_text()}")
        if self.copy is not None and self.copy.trouble:
            found.append(f"{self.name}: {self.copy.trouble}; a restart would serve what was kept before")
        return found + (self.layer.problems if self.layer else [])

    def suspicion(self, old: Layer | None, new: Layer) -> str:
        """Why the change needs a person, empty if it does not."""
        return suspicion(old, new, self._max_gone) if old is not None else ""

    def read_fresh(self, *, keep: bool = False) -> Layer:
        """Read the source now without serving it; with `keep` it becomes the copy on disk. Raises what reading raises."""
        try:
            layer, _ = self._read(tee=keep)
            if keep and self.copy is not None:
                self.copy.keep(layer)
                if self.copy.trouble:
                    raise ConfigurationError(f"{self.name}: {self.copy.trouble}")
        finally:
            self._discard_copy()
        return layer

    def _start_reading(self) -> None:
        try:
            threading.Thread(target=self._in_background, name=f"customers-{self.name}", daemon=True).start()
        except RuntimeError as error:  # the machine has no thread left; the next refresh tries again
            self._note(error)
            self._working.release()

    def _in_background(self) -> None:
        try:
            fresh = self._try()
            if fresh is not None:
                with self._handing:
                    self._fresh = fresh
        finally:
            self._working.release()

    def _handed_over(self) -> Layer | None:
        """What a thread has read and nobody took yet."""
        with self._handing:
            fresh, self._fresh = self._fresh, None
        return fresh

    def _try(self) -> Layer | None:
        if time.monotonic() < self._not_before:
            return None
        try:
            mark = self.connector.mark()
            if mark and mark == self._mark and not self._copy_is_newer():
                if not self.trouble:
                    self._good_at = datetime.now(timezone.utc)
                return None
            layer, mark = self._read()
            why = self.suspicion(self.layer, layer)
            if why and not self._accepted_by_person(layer):
                self._refuse(why)
                self._mark = mark
                self._discard_copy()
                return None
            self._take(layer, mark, serve=False)
        except Exception as error:  # whatever an ISP's own connector raises must not stop the queue
            self._note(error)
            return None
        return layer

    def _read(self, *, tee: bool = True) -> tuple[Layer, str]:
        # The mark is taken first: a change during the reading is then seen by the next refresh.
        begin = time.monotonic()
        mark = self.connector.mark()
        problems = Problems()
        items = blocks_of(self.connector, problems)
        if tee and self.copy is not None and not self.copy.read_only:
            items = teeing(items, self.copy)
        layer = build_layer(items, problems, self.name)
        layer.problems = problems.texts()
        took = time.monotonic() - begin
        every = _EVERY if self.remote and not mark else 0.0
        every = self._every.total_seconds() if self._every is not None else every
        # What takes less than a second may be read at each look.
        self._due = time.monotonic() + max(every, took * _SHARE if took > 1 else 0.0)
        return layer, mark

    def _accepted_by_person(self, layer: Layer) -> bool:
        """Whether `abusehandler crm import` has put this state on disk meanwhile."""
        return self._copy_is_newer() and self.copy is not None and not self.suspicion(self.copy.load(), layer)

    def _copy_is_newer(self) -> bool:
        """Whether another process put a copy on disk after our reading, while we refuse what the source says."""
        if self.copy is None or not self.trouble or self._good_at is None:
            return False
        summary = self.copy.summary()
        return summary is not None and summary.read_at > self._good_at

    def _take(self, layer: Layer, mark: str, *, serve: bool = True) -> None:
        if self.copy is not None:
            self.copy.keep(layer)
        if serve:
            self.layer = layer
        self._mark = mark
        self._good_at = layer.read_at
        self.trouble = ""
        self._pause = self._not_before = 0.0

    def _discard_copy(self) -> None:
        if self.copy is not None:
            self.copy.discard()

    def _refuse(self, why: str) -> None:
        self.trouble = (
            f"{why}; not taken. Look with `abusehandler crm diff`, take it with `abusehandler crm import --accept`"
        )

    def _note(self, error: Exception) -> None:
        self._discard_copy()
        text = str(error) if isinstance(error, (AbusehandlerError, OSError)) else f"{type(error).__name__}: {error}"
        self.trouble = f"cannot be read: {text[:400]}"
        if self.remote:
            self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
            # A server that says when it wants to be asked again is left alone until then.
            wished = min(float(getattr(error, "retry_after", 0.0)), _LONGEST_WISH)
            self._not_before = time.monotonic() + max(self._pause, wished)

    def _age_text(self) -> str:
        return "never" if self._good_at is None else f"{self._good_at:%Y-%m-%d %H:%M} UTC"


def _worth_comparing(layer: Layer, baseline: CopySummary) -> bool:
    """Whether the copy is loaded to compare with: always if that is quick, else if something is gone."""
    return baseline.items <= _QUICKLY_COMPARED or layer.index.count() < baseline.prefixes


def opened(link: Link) -> Link:
    """The link after its first reading; raises ConfigurationError with its name if it can serve nothing."""
    try:
        link.open()
    except ConfigurationError:
        raise
    except Exception as error:
        text = str(error) if isinstance(error, (AbusehandlerError, OSError)) else f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"customers: {link.name}: {text}") from error
    return link
