# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""nginx in front of the portal, with a certificate of yours or of Let's Encrypt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.installer.setup.ground import unit_text
from abusehandler.installer.setup.ports import listeners
from abusehandler.installer.setup.system import ROOT, SetupError, System

if TYPE_CHECKING:
    from abusehandler.installer.setup.answers import Answers

PORTS = (80, 443)
IPV6 = Path("/proc/net/if_inet6")


def require_free_ports() -> None:
    """Raises SetupError naming the program if another one than nginx listens where nginx should."""
    for port in PORTS:
        for program in listeners(port):
            if not program.startswith("nginx "):
                raise SetupError(
                    f"port {port} is taken by {program}: stop it, or set web.tls to 'proxy' and let it pass requests to "
                    "/run/abusehandler/portal.sock (docs/portal.md); then start again"
                )


class Nginx:
    """A site of our own; nothing else of nginx is touched."""

    name = "web server (nginx)"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        self.answers = answers
        self.site = system.layout.at("/etc/nginx/sites-available/abusehandler")
        self.link = system.layout.at("/etc/nginx/sites-enabled/abusehandler")
        web = answers.web
        if web.tls == "own":
            self.certificate, self.key = str(web.certificate), str(web.key)
        else:
            folder = f"/etc/letsencrypt/live/{web.host_name}"
            self.certificate, self.key = f"{folder}/fullchain.pem", f"{folder}/privkey.pem"

    def _text(self, *, tls: bool) -> str:
        text = unit_text("nginx-http.conf") + (unit_text("nginx-https.conf") if tls else "")
        if self.system.real and not IPV6.exists():
            # nginx does not start with an address of a family that the kernel does not know
            text = "".join(line for line in text.splitlines(keepends=True) if "listen [::]" not in line)
        for word, value in (
            ("@HOST@", self.answers.web.host_name),
            ("@CERTIFICATE@", self.certificate),
            ("@KEY@", self.key),
        ):
            text = text.replace(word, value)
        return text

    def missing(self) -> list[str]:
        lines = []
        if self.system.differs(self.site, self._text(tls=True), ROOT, 0o644):
            lines.append(f"file {self.site}")
        if not self.link.is_symlink():
            lines.append(f"link {self.link}")
        if self.answers.web.tls == "certbot" and not self._has_certificate():
            lines.append(f"certificate of Let's Encrypt for {self.answers.web.host_name}")
        if self.system.untold("nginx"):
            lines.append("reload nginx")
        if self.system.real and lines:
            require_free_ports()
        return lines

    def apply(self) -> None:
        if self.answers.web.tls == "certbot" and not self._has_certificate():
            self._certbot()
        with self.system.telling("nginx"):
            self._enable(tls=True)

    def _has_certificate(self) -> bool:
        return self.system.layout.at(self.certificate).exists()

    def _enable(self, *, tls: bool) -> None:
        before = self.system.read(self.site)
        self.system.write(self.site, self._text(tls=tls))
        self.link.parent.mkdir(parents=True, exist_ok=True)
        if not self.link.is_symlink():
            self.link.symlink_to("/etc/nginx/sites-available/abusehandler")
        if not self.system.real:
            return
        done = self.system.run("nginx", "-t", check=False)
        if done.returncode:
            self._back(self.site, before)
            raise SetupError(f"nginx does not like our site, it was taken back:\n{done.stderr.strip()[-1500:]}")
        if self.system.systemd:
            self.system.run("systemctl", "enable", "nginx")
            self.system.run("systemctl", "reload-or-restart", "nginx")
        else:
            self.system.run("service", "nginx", "restart", check=False)

    def _back(self, path: Path, before: str | None) -> None:
        if before is None:
            path.unlink(missing_ok=True)
            self.link.unlink(missing_ok=True)
        else:
            self.system.write(path, before)

    def _certbot(self) -> None:
        folder = self.system.layout.state / "acme"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self._enable(tls=False)
        name = self.answers.web.host_name
        done = self.system.run(
            "certbot", "certonly", "--non-interactive", "--agree-tos", "--email", self.answers.administrator.mail,
            "--webroot", "--webroot-path", str(folder), "--deploy-hook", "nginx -s reload", "--domain", name, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SetupError(
                f"Let's Encrypt gave no certificate for {name}:\n{(done.stderr or done.stdout).strip()[-1500:]}\n"
                f"Does {name} lead to this machine, and is port 80 open to the world? Then start again; or set web.tls to 'own'."
            )
