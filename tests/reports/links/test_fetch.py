# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A file behind a link comes whole, under a harmless name, or not at all with the reason."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from scripted_web import Answer, ScriptedWeb

from abusehandler.reports.links.fetch import FetchLimits, LinkError, fetch
from abusehandler.reports.links.prefix import LinkPrefix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMITS = FetchLimits(largest=1_000_000, seconds=20)


@pytest.fixture
def web() -> Iterator[ScriptedWeb]:
    with ScriptedWeb() as running:
        yield running


def get(web: ScriptedWeb, path: str, *, below: str = "/r/", limits: FetchLimits = LIMITS) -> tuple[str, bytes]:
    with fetch(web.url + path, (LinkPrefix.of(web.url + below),), limits) as file:
        return file.name, b"".join(file.pieces)


def refusal(web: ScriptedWeb, path: str, *, limits: FetchLimits = LIMITS) -> LinkError:
    with pytest.raises(LinkError) as caught:
        get(web, path, limits=limits)
    return caught.value


def test_file_comes_whole(web: ScriptedWeb) -> None:
    content = bytes(range(256)) * 2000
    web.answers["/r/2026-11-20-scan_dns.csv?token"] = Answer(content)
    assert get(web, "/r/2026-11-20-scan_dns.csv?token") == ("2026-11-20-scan_dns.csv", content)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="2026-11-20-scan_dns-example.csv.zip"', "2026-11-20-scan_dns-example.csv.zip"),
        ("attachment; filename*=UTF-8''a%20b.csv", "a_b.csv"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\x\\\\y.csv"', "y.csv"),
        ('attachment; filename="..."', "report"),
        ('attachment; filename=".hidden.csv"', "hidden.csv"),
        ('attachment; filename="' + "a" * 500 + '.csv"', "a" * 146 + ".csv"),
        ("attachment; filename*=no-such-charset''x.csv", "x.csv"),
        ("inline", "AbC"),
        (";;;=", "AbC"),
    ],
)
def test_name_is_harmless(web: ScriptedWeb, disposition: str, name: str) -> None:
    web.answers["/r/AbC"] = Answer(b"x", headers={"Content-Disposition": disposition})
    assert get(web, "/r/AbC")[0] == name


def test_nothing_of_ours_is_told(web: ScriptedWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    web.answers["/r/a"] = Answer(status=302, headers={"Location": "/r/b"})
    web.answers["/r/b"] = Answer(b"x")
    get(web, "/r/a")
    assert web.asked() == ["/r/a", "/r/b"]
    for _, headers in web.requests:
        assert headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert headers["user-agent"] == "abusehandler"


@pytest.mark.parametrize(
    "target",
    ["/other", "/r/../other", "http://127.0.0.1:1/r/a", "http://localhost/r/a", "https://example.net/r/a", "//example.net/r/a",
     "file:///etc/passwd", "http://[::1", "", "/r/%2e%2e/other"],
)  # fmt: skip
def test_redirect_off_the_prefix_is_refused_for_good(web: ScriptedWeb, target: str) -> None:
    web.answers["/r/a"] = Answer(status=302, headers={"Location": target})
    web.answers["/other"] = Answer(b"secret")
    error = refusal(web, "/r/a")
    assert "/other" not in web.asked()
    assert set(web.asked()) == {"/r/a"}
    assert error.for_good or target == "http://[::1"


def test_redirects_have_an_end(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(status=302, headers={"Location": "/r/a"})
    assert "redirects" in str(refusal(web, "/r/a"))
    assert len(web.requests) == 6


def test_link_off_the_prefix_asks_nobody(web: ScriptedWeb) -> None:
    assert refusal(web, "/other").for_good
    assert web.requests == []


def test_missing_file_may_come_yet(web: ScriptedWeb) -> None:
    error = refusal(web, "/r/none")
    assert "404" in str(error)
    assert not error.for_good


def test_too_large_by_its_own_word(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(b"", length=2_000_000)
    error = refusal(web, "/r/a")
    assert "max_link_bytes" in str(error)
    assert error.for_good


def test_too_large_when_unpacked(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(gzip.compress(b"0" * 5_000_000), headers={"Content-Encoding": "gzip"})
    assert "max_link_bytes" in str(refusal(web, "/r/a"))


def test_file_that_breaks_off(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(b"only this", length=500)
    assert not refusal(web, "/r/a", limits=FetchLimits(1_000_000, 2)).for_good


def test_slow_server_is_cut_off_however_it_drips(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(b"x" * 1000, drip=0.1)
    assert "more than 1 seconds" in str(refusal(web, "/r/a", limits=FetchLimits(1_000_000, 1)))


def test_web_page_is_no_report(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(b"<html>expired", headers={"Content-Type": "text/html; charset=utf-8"})
    assert "web page" in str(refusal(web, "/r/a"))


def test_empty_file(web: ScriptedWeb) -> None:
    web.answers["/r/a"] = Answer(b"")
    assert "empty" in str(refusal(web, "/r/a"))


def test_server_that_is_away() -> None:
    with pytest.raises(LinkError), fetch("http://127.0.0.1:1/r/a", (LinkPrefix.of("http://127.0.0.1:1/r/"),), LIMITS):
        raise AssertionError


def test_name_that_leads_to_a_private_address_is_not_asked() -> None:
    """As if an attacker, or a mistake, made the name in the prefix point inside."""
    name = socket.gethostname().lower()
    with ScriptedWeb("0.0.0.0") as web:
        try:
            peer = socket.create_connection((name, web.port), timeout=5)
        except OSError:
            pytest.skip("this machine's own name leads nowhere")
        peer.close()
        web.answers["/r/a"] = Answer(b"inside")
        prefix = LinkPrefix("http", name, web.port, "/r/")
        if prefix.may_connect(socket.gethostbyname(name)):
            pytest.skip("this machine's own name is a public address")
        with pytest.raises(LinkError, match="not public"), fetch(f"{prefix.origin}/r/a", (prefix,), LIMITS):
            raise AssertionError
        assert web.requests == []


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[ScriptedWeb, FetchLimits]]:
    """A server with a certificate of its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ScriptedWeb(tls=context) as running:
        yield running, FetchLimits(1_000_000, 2, ca_file=str(certificate))


def test_file_comes_over_tls(secure: tuple[ScriptedWeb, FetchLimits]) -> None:
    web, limits = secure
    web.answers["/r/a"] = Answer(b"x" * 300_000)
    assert get(web, "/r/a", limits=limits) == ("a", b"x" * 300_000)


def test_certificate_of_nobody_is_refused(secure: tuple[ScriptedWeb, FetchLimits]) -> None:
    web, _ = secure
    web.answers["/r/a"] = Answer(b"x")
    assert "CERTIFICATE_VERIFY_FAILED" in str(refusal(web, "/r/a"))
    assert web.requests == []


def test_slow_server_is_cut_off_over_tls_too(secure: tuple[ScriptedWeb, FetchLimits]) -> None:
    web, limits = secure
    web.answers["/r/a"] = Answer(b"x" * 1000, drip=0.1)
    assert "more than 2 seconds" in str(refusal(web, "/r/a", limits=limits))
