# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the bots read: the answers kept, secrets in files of their own, configuration merged with the operator's edits."""

from __future__ import annotations

import json
import sys
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from abusehandler.harmonization.fields import merge_file, missing
from abusehandler.installer.setup import templates
from abusehandler.installer.setup.answers import SECRETS, Answers, as_text, kept_answers
from abusehandler.installer.setup.ground import require_space
from abusehandler.installer.setup.system import BOTS, ROOT, SHARED, Owner, SetupError, System
from abusehandler.installer.setup.three_way import Choice, Conflict, Merged, merge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class KeptAnswers:
    """answers.yaml, the secrets that the answers name, and the customer file."""

    name = "answers"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        self.answers = answers

    def _secrets(self) -> dict[Path, Path]:
        """Kept file → file that the answers name."""
        found = {}
        for key, name in SECRETS.items():
            section, _, field = key.partition(".")
            named = getattr(getattr(self.answers, section), field)
            kept = self.system.layout.secrets / name
            if named is not None and named != kept:
                found[kept] = named
        return found

    def _unreadable(self) -> list[Path]:
        """Kept secrets with another owner or mode, as after they were copied by hand from a backup."""
        found = [self.system.layout.secrets / name for name in SECRETS.values()]
        return [path for path in found if path.exists() and self.system.permissions_differ(path, BOTS, 0o600)]

    def _customers(self) -> Path | None:
        kept = self.system.layout.etc / "customers.csv"
        return kept if self.answers.customers.connector is None and not kept.exists() else None

    def missing(self) -> list[str]:
        lines = []
        if self.system.differs(
            self.system.layout.answers, as_text(kept_answers(self.answers, self.system)), SHARED, 0o640
        ):
            lines.append(f"file {self.system.layout.answers}")
        for kept, named in self._secrets().items():
            if named.is_file() and self.system.differs(kept, _secret(named), BOTS, 0o600):
                lines.append(f"secret {kept}")
        lines += [f"owner and mode of {path}" for path in self._unreadable()]
        if (kept_customers := self._customers()) is not None:
            named_file = self.answers.customers.file
            lines.append(f"file {kept_customers}" + (f" from {named_file}" if named_file else ", empty: fill it in"))
        return lines

    def apply(self) -> None:
        self.system.write(self.system.layout.answers, as_text(kept_answers(self.answers, self.system)), SHARED, 0o640)
        for kept, named in self._secrets().items():
            if named.is_file():
                self.system.write(kept, _secret(named), BOTS, 0o600)
        for path in self._unreadable():
            self.system.permit(path, BOTS, 0o600)
        if (kept_customers := self._customers()) is not None:
            named_file = self.answers.customers.file
            # bytes may be of any encoding: the connector finds out
            content = named_file.read_bytes() if named_file is not None else b"customer,name,network,email\n"
            self.system.write(kept_customers, content, BOTS, 0o640)


class ConfigurationFiles:
    """runtime.yaml, abusehandler.yaml and rules.yaml: what is new comes in, what the operator changed stays."""

    name = "configuration"

    def __init__(
        self,
        system: System,
        answers: Answers,
        *,
        choice: Choice | None,
        ask: Callable[[str, Conflict], bool] | None = None,
    ) -> None:
        """`choice` for conflicts: keep the operator's values, take ours, or None to ask (`ask` says whether to take)."""
        self.system = system
        self.choice = choice
        self.ask = ask
        at = system.layout
        self.files: dict[Path, tuple[Callable[[], str], Owner, int]] = {
            # the Shadowserver key stands in it
            at.etc / "runtime.yaml": (lambda: templates.runtime(answers, at), BOTS, 0o600),
            at.etc / "abusehandler.yaml": (lambda: templates.configuration(answers, at), BOTS, 0o640),
            at.etc / "rules.yaml": (templates.rules, BOTS, 0o640),
            at.etc / "manager" / "positions.conf": (lambda: templates.shipped("positions.conf"), BOTS, 0o640),
        }

    def _base(self, path: Path) -> Path:
        return self.system.layout.shipped / path.name

    def _plan(self, path: Path, ours: str) -> Merged:
        yours = self.system.read(path)
        if yours is None:
            return Merged(ours, ("new",), ())
        base = self.system.read(self._base(path))
        if base is None:
            # not known what was shipped: then all that differs is the operator's
            base = ours
        return merge(base, yours, ours, choice=self.choice or "keep", name=str(path))

    def missing(self) -> list[str]:
        lines = []
        for path, (text, owner, mode) in self.files.items():
            ours = text()
            plan = self._plan(path, ours)
            lines += [f"{path}: {change}" for change in plan.changes]
            if not plan.changes and self.system.permissions_differ(path, owner, mode):
                lines.append(f"owner and mode of {path}")
            lines += [f"{path}: conflict: {conflict}" for conflict in plan.conflicts]
            if not (plan.changes or plan.conflicts) and self.system.read(self._base(path)) != ours:
                lines.append(f"the shipped text of {path.name}, for the next merge")
        return lines

    def apply(self) -> None:
        for path, (text, owner, mode) in self.files.items():
            ours = text()
            base, yours = self.system.read(self._base(path)), self.system.read(path)
            plan = self._plan(path, ours)
            if plan.conflicts and self.choice is None:
                plan = self._decided(path, plan, base if base is not None else ours, yours or "", ours)
            if plan.text != yours or self.system.permissions_differ(path, owner, mode):
                if yours is not None and plan.text != yours:
                    self.system.write(path.with_name(path.name + ".before-merge"), yours, owner, 0o600)
                self.system.write(path, plan.text, owner, mode)
            self.system.write(self._base(path), ours, ROOT, 0o600)

    def _decided(self, path: Path, plan: Merged, base: str, yours: str, ours: str) -> Merged:
        if self.ask is None:
            raise SetupError(
                f"{path}: both you and this release changed the same keys:\n"
                + "\n".join(f"  {conflict}" for conflict in plan.conflicts)
                + "\nStart again with --keep (your values stay) or --take (the new ones come in)."
            )
        taken = [conflict.way for conflict in plan.conflicts if self.ask(str(path), conflict)]
        return merge(base, yours, ours, take=taken, name=str(path))


class Harmonization:
    """IntelMQ's harmonization.conf with our fields in it, and IntelMQ's own state file."""

    name = "harmonization"

    def __init__(self, system: System) -> None:
        self.system = system
        self.path = system.layout.etc / "harmonization.conf"
        self.intelmq_state = system.layout.state / "state.json"

    def missing(self) -> list[str]:
        lines = []
        text = self.system.read(self.path)
        if text is None:
            lines.append(f"file {self.path}")
        else:
            try:
                lines += [f"field {field}" for field in missing(json.loads(text))]
            except ValueError as error:
                raise SetupError(f"{self.path}: not JSON: {error}; mend it and start again") from None
            if self.system.permissions_differ(self.path, BOTS, 0o640):
                lines.append(f"owner and mode of {self.path}")
        if self.system.real and not self.intelmq_state.exists():
            lines.append(f"file {self.intelmq_state}, by intelmqctl upgrade-config")
        return lines

    def apply(self) -> None:
        if not self.path.exists():
            stock = resources.files("intelmq").joinpath("etc").joinpath("harmonization.conf")
            self.system.write(self.path, stock.read_text(encoding="utf-8"), BOTS, 0o640)
        merge_file(self.path)
        self.system.permit(self.path, BOTS, 0o640)
        if self.system.real and not self.intelmq_state.exists():
            self._upgrade_config()

    def _upgrade_config(self) -> None:
        """IntelMQ's own upgrade; it writes runtime.yaml without comments even where it has nothing to change."""
        path = self.system.layout.etc / "runtime.yaml"
        before = self.system.read(path)
        self.system.ours("intelmqctl", "upgrade-config")
        after = self.system.read(path)
        if before and after and yaml.safe_load(before) == yaml.safe_load(after):
            self.system.write(path, before, BOTS, 0o600)
            path.with_name("runtime.yaml.bak").unlink(missing_ok=True)


class AnswerSecret:
    """The secret that signs reply and bounce addresses, where a mail server of this machine delivers sub-addresses."""

    name = "reply addresses"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        self.path = system.layout.secrets / "answer-secret"
        self.wanted = answers.mailbox.kind in ("postfix", "exim")

    def missing(self) -> list[str]:
        if not self.wanted:
            return []
        if not self.path.exists():
            return [f"secret {self.path}"]
        return [f"owner and mode of {self.path}"] if self.system.permissions_differ(self.path, BOTS, 0o600) else []

    def apply(self) -> None:
        if not self.path.exists():
            import secrets

            self.system.write(self.path, secrets.token_urlsafe(32) + "\n", BOTS, 0o600)
        self.system.permit(self.path, BOTS, 0o600)


def require_right_configuration(system: System) -> None:
    """Raises SetupError or ConfigurationError if abusehandler.yaml is wrong, so that no bot meets it."""
    from abusehandler.configuration import load

    load(system.layout.etc / "abusehandler.yaml")
    require_space(system.layout.state)


def ask_on_terminal(path: str, conflict: Conflict) -> bool:
    """Whether the new value is to be taken; keeping is the default."""
    print(f"\n{path}: you and this release changed the same key.\n  {conflict}", flush=True)
    print("  [k]eep yours, [t]ake the new one? [k] ", end="", flush=True)
    return sys.stdin.readline().strip().lower().startswith("t")


def _secret(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if not text.strip():
        raise SetupError(f"{path}: is empty; write the secret into its first line and start again")
    return text if text.endswith("\n") else text + "\n"
