# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signed mails, checked by GnuPG and OpenSSL as a customer's program would."""

from __future__ import annotations

import email
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.tickets.mime import Attachment, make_mail
from abusehandler.tickets.signing import SigningSettings, open_signer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pysequoia = pytest.importorskip("pysequoia")
pytest.importorskip("cryptography")
HEADERS = [("From", "abuse@example.net"), ("To", "customer@example.com"), ("Subject", "test")]
TEXT = "Grüße\nFrom somebody \n.\n-- \nend"
ADDRESS = "abuse@example.net"


def signed_mail(settings: SigningSettings) -> bytes:
    return make_mail(
        HEADERS, TEXT, "<p>Grüße</p>", [Attachment("a.csv", "text/csv", b"a,b\r\n")], open_signer(settings)
    )  # fmt: skip


def as_relayed(content: bytes) -> bytes:
    """As a mail server passes it on: headers before it, nothing else changed."""
    return b"Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000\r\n" + content


def parts_of(content: bytes) -> tuple[Any, bytes, bytes]:
    """The mail, the bytes that are signed, the signature."""
    mail = email.message_from_bytes(content)
    mark = b"--" + str(mail.get_boundary()).encode("ascii")
    _, signed, signature, _ = content.split(mark)
    return mail, signed.removeprefix(b"\r\n").removesuffix(b"\r\n"), signature


@pytest.fixture
def home(tmp_path: Path, server_folder: Path) -> Iterator[list[str]]:
    """gpg with a folder of its own; its socket needs a short path."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg checks the signatures")
    folder = server_folder / "gpg"
    folder.mkdir(mode=0o700, exist_ok=True)
    yield ["gpg", "--homedir", str(folder), "--batch", "--yes", "--no-tty"]
    if shutil.which("gpgconf"):
        subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def gpg(home: list[str], *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*home, *arguments], input=data, capture_output=True, check=False, timeout=300)


def secret(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def test_key_made_by_gnupg_with_a_passphrase_signs_and_gnupg_is_content(home: list[str], tmp_path: Path) -> None:
    opened = ["--passphrase", "secret", "--pinentry-mode", "loopback"]
    assert gpg(home, *opened, "--quick-generate-key", ADDRESS, "ed25519", "sign", "0").returncode == 0
    key = secret(tmp_path / "key.asc", gpg(home, *opened, "--armor", "--export-secret-keys", ADDRESS).stdout)
    content = signed_mail(SigningSettings(pgp_key=key, passphrase_file=secret(tmp_path / "pass", "secret\nmore\n")))
    mail, signed, signature = parts_of(as_relayed(content))
    assert mail.get_content_type() == "multipart/signed"
    assert mail.get_param("protocol") == "application/pgp-signature"
    assert mail.get_param("micalg") in ("pgp-sha256", "pgp-sha512")
    armor = signature.partition(b"\r\n\r\n")[2]
    (tmp_path / "signature").write_bytes(armor)
    check = gpg(home, "--verify", str(tmp_path / "signature"), "-", data=signed)
    assert check.returncode == 0, check.stderr
    assert gpg(home, "--verify", str(tmp_path / "signature"), "-", data=signed + b"x").returncode != 0


def test_hash_that_the_header_names_is_the_one_that_was_used(tmp_path: Path) -> None:
    key = secret(tmp_path / "key.asc", str(pysequoia.Tsk.generate(f"Desk <{ADDRESS}>")))
    mail, _, signature = parts_of(signed_mail(SigningSettings(pgp_key=key)))
    assert mail.get_param("micalg") == "pgp-sha512"
    assert b"BEGIN PGP SIGNATURE" in signature


def test_wrong_passphrase_is_told_with_the_file(home: list[str], tmp_path: Path) -> None:
    opened = ["--passphrase", "secret", "--pinentry-mode", "loopback"]
    gpg(home, *opened, "--quick-generate-key", ADDRESS, "ed25519", "sign", "0")
    key = secret(tmp_path / "key.asc", gpg(home, *opened, "--armor", "--export-secret-keys", ADDRESS).stdout)
    for passphrase in (None, secret(tmp_path / "pass", "wrong")):
        with pytest.raises(ConfigurationError, match="key.asc: cannot sign .*passphrase") as told:
            open_signer(SigningSettings(pgp_key=key, passphrase_file=passphrase))
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
def test_openssl_takes_the_smime_signature(tmp_path: Path, curve: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl checks the signatures")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes", "-days", "2",
         "-subj", f"/CN={ADDRESS}/emailAddress={ADDRESS}", "-addext", "extendedKeyUsage=emailProtection",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    key.chmod(0o600)
    content = as_relayed(signed_mail(SigningSettings(smime_key=key, smime_certificate=certificate)))
    (tmp_path / "mail.eml").write_bytes(content)
    check = ["openssl", "cms", "-verify", "-inform", "SMIME", "-CAfile", str(certificate), "-in"]
    good = subprocess.run([*check, str(tmp_path / "mail.eml")], capture_output=True, check=False)
    assert good.returncode == 0, good.stderr
    assert b"multipart/mixed" in good.stdout
    (tmp_path / "bad.eml").write_bytes(content.replace(b"somebody", b"anybody"))
    assert subprocess.run([*check, str(tmp_path / "bad.eml")], capture_output=True, check=False).returncode != 0


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the keys")
    for name in ("one", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=x", "-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.crt")],
            check=True, capture_output=True,
        )  # fmt: skip
        (tmp_path / f"{name}.key").chmod(0o600)
    with pytest.raises(ConfigurationError, match="belongs to another key"):
        open_signer(SigningSettings(smime_key=tmp_path / "one.key", smime_certificate=tmp_path / "other.crt"))


@pytest.mark.parametrize(("content", "mode"), [(None, 0), (b"no key", 0o600), (b"x", 0o644)])
def test_file_that_is_no_key_is_told(tmp_path: Path, content: bytes | None, mode: int) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    for settings in (SigningSettings(pgp_key=path), SigningSettings(smime_key=path, smime_certificate=path)):
        with pytest.raises(ConfigurationError, match=str(path)):
            open_signer(settings)


def test_without_a_key_nothing_is_signed() -> None:
    assert open_signer(SigningSettings()) is None
