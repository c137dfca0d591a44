# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signs mails: PGP/MIME (RFC 3156) or S/MIME (RFC 8551), as multipart/signed (RFC 1847) that every program can read.

The libraries come with the extras `pgp` and `smime`. PySequoia signs with Ed25519 in 0.12 ms and takes keys that GnuPG
has exported; `cryptography` knows no Ed25519 in CMS, so a key for S/MIME is ECDSA or RSA.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from abusehandler.errors import ConfigurationError
from abusehandler.secret_files import secret_bytes, secret_line
from abusehandler.tickets.mime import base64_lines, boundary

if TYPE_CHECKING:
    from pathlib import Path

#: RFC 4880, 9.4 and RFC 9580, 9.5: number of a hash algorithm to its name in `micalg` (RFC 3156, 5).
_PGP_HASHES = {
    8: "pgp-sha256",
    9: "pgp-sha384",
    10: "pgp-sha512",
    11: "pgp-sha224",
    12: "pgp-sha3-256",
    14: "pgp-sha3-512",
}
_MAX_KEY_BYTES = 1_000_000


class Signer(Protocol):
    """What signs a MIME part."""

    def signed(self, part: bytes) -> bytes:
        """The part (headers and body, CRLF, ASCII) inside a multipart/signed."""


@dataclass(frozen=True)
class SigningSettings:
    """Where the key is. `pgp_key`: an exported secret key; or `smime_key` and `smime_certificate` (PEM; the certificate
    first, those of the authorities after it). `passphrase_file`: its first line opens the key.
    """

    pgp_key: Path | None = None
    smime_key: Path | None = None
    smime_certificate: Path | None = None
    passphrase_file: Path | None = None


def open_signer(settings: SigningSettings) -> Signer | None:
    """The signer that is configured, or None. Raises ConfigurationError with the file and what to do."""
    if settings.pgp_key is not None:
        return PgpSigner(secret_bytes(settings.pgp_key, "the key"), settings.pgp_key, _passphrase(settings))
    if settings.smime_key is not None and settings.smime_certificate is not None:
        return SmimeSigner(
            secret_bytes(settings.smime_key, "the key"), _read(settings.smime_certificate), settings.smime_key, _passphrase(settings)
        )  # fmt: skip
    return None


class PgpSigner:
    """PGP/MIME. The key is opened once; signing is safe for threads."""

    def __init__(self, key: bytes, path: Path, passphrase: str | None) -> None:
        try:
            import pysequoia
        except ImportError as error:
            raise ConfigurationError(
                "mail.sign.pgp_key is set, but PySequoia is not installed: pip install 'abusehandler[pgp]'"
            ) from error
        self._sign = pysequoia.sign
        self._detached = pysequoia.SignatureMode.DETACHED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                secret = pysequoia.Tsk.from_bytes(key)
            except Exception as error:
                raise ConfigurationError(
                    f"{path}: not a secret OpenPGP key ({_first_line(error)}); export one with: gpg --armor --export-secret-keys ADDRESS"
                ) from error
            try:
                self._signer = secret.signer(passphrase) if passphrase is not None else secret.signer()
                proof = bytes(self._sign(self._signer, b"", mode=self._detached, armor=False))
            except Exception as error:
                raise ConfigurationError(
                    f"{path}: cannot sign ({_first_line(error)}); is the passphrase in mail.sign.passphrase_file right, "
                    "and the key neither expired nor for encryption alone?"
                ) from error
        self._micalg = _pgp_hash(proof)

    def signed(self, part: bytes) -> bytes:
        """RFC 3156, 5: the signature is over the part as it goes out."""
        signature = (
            bytes(self._sign(self._signer, part, mode=self._detached)).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        )
        return _wrapped(
            part, "application/pgp-signature", self._micalg,
            b'Content-Type: application/pgp-signature; name="signature.asc"\r\nContent-Description: OpenPGP digital signature\r\n'
            b'Content-Disposition: attachment; filename="signature.asc"\r\n\r\n' + signature,
        )  # fmt: skip


class SmimeSigner:
    """S/MIME with a detached CMS signature."""

    def __init__(self, key: bytes, certificates: bytes, path: Path, passphrase: str | None) -> None:
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec, rsa
            from cryptography.hazmat.primitives.serialization import pkcs7
        except ImportError as error:
            raise ConfigurationError(
                "mail.sign.smime_key is set, but cryptography is not installed: pip install 'abusehandler[smime]'"
            ) from error
        try:
            private: Any = serialization.load_pem_private_key(key, passphrase.encode() if passphrase else None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"{path}: the key cannot be opened ({_first_line(error)}); PEM is wanted, and its passphrase in mail.sign.passphrase_file"
            ) from error
        if not isinstance(private, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise ConfigurationError(
                f"{path}: S/MIME wants an ECDSA or RSA key; make one with: openssl ecparam -genkey -name prime256v1"
            )
        try:
            own, *others = x509.load_pem_x509_certificates(certificates)
        except ValueError as error:
            raise ConfigurationError(f"mail.sign.smime_certificate: not certificates in PEM: {error}") from error
        if own.public_key() != private.public_key():
            raise ConfigurationError(
                f"{path}: the first certificate of mail.sign.smime_certificate belongs to another key; put yours first"
            )
        self._builder = pkcs7.PKCS7SignatureBuilder()
        self._others = others
        self._own, self._private, self._hash = own, private, hashes.SHA256()
        self._options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        self._form = serialization.Encoding.DER

    def signed(self, part: bytes) -> bytes:
        """RFC 8551, 3.5.3."""
        builder = self._builder.set_data(part).add_signer(self._own, self._private, self._hash)
        for certificate in self._others:
            builder = builder.add_certificate(certificate)
        signature = builder.sign(self._form, self._options)
        return _wrapped(
            part, "application/pkcs7-signature", "sha-256",
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n'
            b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n' + base64_lines(signature),
        )  # fmt: skip


def _wrapped(part: bytes, protocol: str, micalg: str, signature: bytes) -> bytes:
    mark = boundary()
    head = f'Content-Type: multipart/signed; protocol="{protocol}"; micalg={micalg};\r\n boundary="{mark}"\r\n\r\n'
    between = f"--{mark}\r\n".encode("ascii")
    # the CRLF before the second boundary belongs to it and is not signed (RFC 1847, 2.1)
    return head.encode("ascii") + between + part + b"\r\n" + between + signature + f"\r\n--{mark}--\r\n".encode("ascii")


def _pgp_hash(signature: bytes) -> str:
    """The `micalg` of a binary signature: packet header, version, type, algorithm of the key, hash (RFC 9580, 5.2.3)."""
    start = 2 if signature[1] < 192 else 3 if signature[1] < 224 else 6
    return _PGP_HASHES.get(signature[start + 3], "pgp-sha512")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error


def _passphrase(settings: SigningSettings) -> str | None:
    if settings.passphrase_file is None:
        return None
    return secret_line(settings.passphrase_file, "the passphrase")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
