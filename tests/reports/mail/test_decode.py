# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail's bytes become plain values, whatever the sender's program did to them."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from datetime import datetime, timezone

import pytest

from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.limits import Limits


def mail(*lines: str, headers: str = "") -> bytes:
    return (headers + "\n".join(lines)).encode()


def with_attachment(content: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    return (
        b'Content-Type: multipart/mixed; boundary="=="\n\n--==\nContent-Type: text/plain\n\nSee the attachment.\n--==\n'
        + f'Content-Type: {kind}; name="{name}"\n'.encode()
        + b"Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n"
        + base64.encodebytes(content)
        + b"--==--\n"
    )


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def test_headers_are_unfolded_and_decoded() -> None:
    decoded = decode(
        mail(
            "From: =?utf-8?Q?Abuse_Team_=C3=9Cbersee?= <Abuse@Example.NET>",
            "Subject: =?UTF-8?B?UG9ydHNjYW4g?=",
            " =?UTF-8?B?dm9uIDE5Mi4wLjIuMQ==?=",
            "Date: Fri, 20 Nov 2026 11:00:00 +0100",
            "Message-ID: <1@example.net>",
            "",
            "Text",
        )
    )
    assert decoded.sender == "abuse@example.net"
    assert decoded.sender_name == "Abuse Team Übersee"
    assert decoded.subject == "Portscan von 192.0.2.1"
    assert decoded.sent_at == datetime(2026, 11, 20, 10, tzinfo=timezone.utc)
    assert decoded.message_id == "<1@example.net>"


def test_a_character_split_over_two_encoded_words_is_put_together() -> None:
    decoded = decode(b"Subject: =?utf-8?Q?f=C3?= =?utf-8?Q?=BCr?= Sie\n\nx")
    assert decoded.subject == "für Sie"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("abuse@example.net", "abuse@example.net"),
        ('"noc@example.com" <abuse@example.net>', "abuse@example.net"),
        ("abuse@example.net (Abuse Desk)", "abuse@example.net"),
        ("Nobody at all", ""),
        ("<<<>>>@@@", ""),
    ],
)
def test_the_sender_is_the_address_in_angle_brackets(value: str, address: str) -> None:
    assert decode(f"From: {value}\n\nx".encode()).sender == address


def test_parts_have_readable_paths_and_the_plain_text_is_the_body() -> None:
    decoded = decode(
        mail(
            "Content-Type: multipart/mixed; boundary=outer",
            "",
            "--outer",
            "Content-Type: multipart/alternative; boundary=inner",
            "",
            "--inner",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "plain",
            "--inner",
            "Content-Type: text/html",
            "",
            "<p>rich</p>",
            "--inner--",
            "--outer",
            "Content-Type: text/csv",
            'Content-Disposition: attachment; filename="rows.csv"',
            "",
            "ip,port",
            "--outer--",
        )
    )
    assert [(part.path, part.kind, part.text.strip()) for part in decoded.parts] == [
        ("1.1", "text", "plain"),
        ("1.2", "html", "rich"),
        ("2", "data", "ip,port"),
    ]
    body = decoded.body()
    assert body is not None and body.path == "1.1"
    assert decoded.parts[2].attached and decoded.parts[2].filename == "rows.csv"


@pytest.mark.parametrize(
    ("declared", "content", "text"),
    [
        ("utf-8", "Grüße".encode("cp1252"), "Grüße"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("x-unheard-of", "Grüße".encode(), "Grüße"),
        ("idna", b"plain", "plain"),
        ("gb2312", "攻击".encode("gb18030"), "攻击"),
        ("iso-8859-1", "„quoted“".encode("cp1252"), "„quoted“"),
        ("utf-8", b"\xff\xfeI\x00P\x00", "IP"),
        ("utf-8", "exa\u200bmple.net".encode(), "example.net"),
    ],
)
def test_wrong_and_unknown_charsets(declared: str, content: bytes, text: str) -> None:
    decoded = decode(f"Content-Type: text/plain; charset={declared}\n\n".encode() + content)
    assert decoded.parts[0].text == text


def test_a_mail_inside_a_mail_is_a_part_and_its_parts_follow() -> None:
    decoded = decode(
        mail(
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "",
            "see below",
            "--b",
            "Content-Type: message/rfc822",
            "",
            "From: spammer@example.com",
            "Subject: buy",
            "",
            "now",
            "--b--",
        )
    )
    assert [(part.path, part.kind, part.depth) for part in decoded.parts] == [
        ("1", "text", 0),
        ("2", "mail", 0),
        ("2/1", "text", 1),
    ]
    nested = decoded.parts[1].nested
    assert nested is not None
    assert nested.sender == "spammer@example.com"
    assert nested.parts[0].path == "2/1" and nested.parts[0].depth == 0


def test_an_eml_file_is_a_mail_whatever_its_type_says() -> None:
    decoded = decode(with_attachment(b"From: a@example.com\nSubject: spam\n\nbuy", "spam.eml"))
    assert decoded.parts[1].kind == "mail"
    assert decoded.parts[1].nested is not None and decoded.parts[1].nested.subject == "spam"


def test_files_in_archives_are_parts() -> None:
    decoded = decode(
        with_attachment(zipped(rows_csv=b"ip\n192.0.2.1\n", inner_zip=zipped(log_txt=b"line")), "data.bin")
    )
    assert [part.path for part in decoded.parts] == ["1", "2", "2/rows.csv", "2/inner.zip", "2/inner.zip/log.txt"]
    assert decoded.parts[2].text == "ip\n192.0.2.1\n"


def test_gzip_loses_its_suffix() -> None:
    decoded = decode(with_attachment(gzip.compress(b"<xml/>"), "report.xml.gz", "application/gzip"))
    assert decoded.parts[2].path == "2/report.xml"
    assert decoded.parts[2].text == "<xml/>"


def test_a_workbook_becomes_csv() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Hosts"
    book.active.append(["IP", "Seen", "Port"])
    book.active.append(["192.0.2.1", datetime(2026, 11, 20, 10), 22.0])  # noqa: DTZ001
    out = io.BytesIO()
    book.save(out)
    decoded = decode(with_attachment(out.getvalue(), "hosts.xlsx"))
    assert decoded.parts[2].path == "2/Hosts.csv"
    assert decoded.parts[2].text == "IP,Seen,Port\n192.0.2.1,2026-11-20 10:00:00,22\n"


def test_clear_signed_text_is_unwrapped() -> None:
    decoded = decode(
        mail(
            "Subject: signed",
            "",
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "Hash: SHA256",
            "",
            "- -----",
            "192.0.2.1 scanned us",
            "-----BEGIN PGP SIGNATURE-----",
            "abc",
            "-----END PGP SIGNATURE-----",
        )
    )
    assert decoded.parts[0].text.strip() == "-----\n192.0.2.1 scanned us"


def test_signed_data_of_smime_is_opened() -> None:
    inner = b"Content-Type: text/plain\n\n192.0.2.1 scanned us"
    octets = b"\x24\x80" + b"\x04" + bytes([len(inner)]) + inner + b"\0\0"  # cut into pieces, indefinite length
    content = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80" + octets + b"\0\0\0\0"
    signed = b"\x30\x80\x02\x01\x01\x31\x00" + content + b"\0\0"
    info = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80" + signed + b"\0\0\0\0"
    decoded = decode(
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
        b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(info)
    )
    assert decoded.parts[0].text == "192.0.2.1 scanned us"


def test_report_fields_among_the_part_headers_are_found() -> None:
    decoded = decode(
        mail(
            "Content-Type: multipart/report; boundary=b",
            "",
            "--b",
            "Content-Type: message/feedback-report",
            "Feedback-Type: abuse",
            "Source-IP: 192.0.2.1",
            "",
            "",
            "--b--",
        )
    )
    assert "source-ip: 192.0.2.1" in decoded.parts[0].text


def test_a_nul_does_not_hide_the_letter() -> None:
    assert decode(b"Subject: x\n\n192.0.\x002.1 attacked us\n").parts[0].text == "192.0.2.1 attacked us\n"


def test_a_letter_with_a_file_name_is_still_the_letter() -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name="abuse.txt"\n\nletter\n'
        b'--b\nContent-Type: text/plain; name="log.txt"\n\nlog\n--b--\n'
    )
    decoded = decode(raw)
    body = decoded.body()
    assert body is not None and body.text == "letter"
    assert [part.attached for part in decoded.parts] == [False, True]


def test_file_names_of_rfc_2231_and_paths_in_names() -> None:
    raw = b"Content-Disposition: attachment; filename*0*=utf-8''%C3%BC; filename*1=.csv\nContent-Type: text/csv\n\nip"
    assert decode(raw).parts[0].filename == "ü.csv"
    assert decode(b'Content-Disposition: attachment; filename="../../etc/passwd"\n\nx').parts[0].filename == "passwd"


class TestLimits:
    def test_a_bomb_is_not_unpacked(self) -> None:
        decoded = decode(with_attachment(zipped(zeros_csv=b"0" * 50_000_000), "bomb.zip"))
        assert [part.path for part in decoded.parts] == ["1", "2"]
        assert "50000000 bytes when unpacked" in decoded.limits[0]

    def test_a_gzip_bomb_is_cut(self) -> None:
        limits = Limits(total_bytes=1_000_000)
        decoded = decode(with_attachment(gzip.compress(b"0" * 20_000_000), "bomb.gz"), limits=limits)
        assert sum(len(part.data) for part in decoded.parts) <= 1_000_000
        assert decoded.limits

    def test_ten_thousand_nested_parts(self) -> None:
        raw = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(10_000))
        decoded = decode(raw + b"\nend")
        assert "nested deeper than" in " ".join(decoded.limits)

    def test_ten_thousand_parts_side_by_side(self) -> None:
        decoded = decode(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000)
        assert len(decoded.parts) == 200
        assert "more than 200 parts" in decoded.limits[0]

    def test_ten_thousand_nested_mails(self) -> None:
        decoded = decode(b"Content-Type: message/rfc822\n\n" * 10_000 + b"end")
        assert len(decoded.parts) <= 10

    def test_endless_headers(self) -> None:
        decoded = decode(b"Subject: a\n" + b"X: " + b"y" * 3_000_000 + b"\n" + b"Z: z\n" * 100_000 + b"\nbody")
        assert decoded.subject == "a"

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"\n", b"\0" * 1000, b"From: ", b"Content-Type: multipart/mixed\n\nno boundary", b"\xff" * 5000, b":\n:\n\n:",
            b"Content-Type: text/plain; charset=\"\n\nx", b"Content-Transfer-Encoding: base64\n\n!!!!=",         ],
    )  # fmt: skip
    def test_garbage_never_raises(self, content: bytes) -> None:
        assert decode(content).limits == ()

    @pytest.mark.parametrize(
        "content", [b"PK\x03\x04rubbish", b"\x1f\x8b\x08rubbish", b"BZh91AY&SYrubbish", b"\xfd7zXZ\x00xx"]
    )
    def test_broken_archives_are_named(self, content: bytes) -> None:
        assert "cannot be unpacked" in decode(with_attachment(content, "a.zip")).limits[0]


class TestAuthentication:
    HEADERS = (
        "Authentication-Results: mx.example.net; dkim=fail header.d=example.com; dkim=pass (ok) header.d=example.com; spf=softfail\n"
        "Authentication-Results: mx.example.net; dkim=pass; dmarc=pass\n"
    )

    def test_only_our_own_server_is_believed(self) -> None:
        assert decode(mail("", "x", headers=self.HEADERS)).authentication.believed == ()
        other = decode(mail("", "x", headers=self.HEADERS), own_mail_hosts={"mx.example.org"})
        assert other.authentication.believed == ()

    def test_the_topmost_header_of_our_server_counts(self) -> None:
        ours = decode(mail("", "x", headers=self.HEADERS), own_mail_hosts={"MX.example.net"})
        assert ours.authentication.believed == (("dkim", "pass"), ("spf", "fail"))

    def test_a_valid_signature_names_its_domain(self) -> None:
        dkim = pytest.importorskip("dkim")
        public, private = _rsa_pair()
        raw = b"From: a@example.net\r\nSubject: s\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nbody\r\n"
        signature = dkim.sign(raw, b"k", b"example.net", private, include_headers=[b"from", b"subject"])
        asked: list[str] = []

        def txt(name: str) -> bytes | None:
            asked.append(name)
            return b"v=DKIM1; k=rsa; p=" + public

        assert decode(signature + raw, dns=txt).authentication.dkim == ("example.net",)
        assert asked == ["k._domainkey.example.net."]
        assert decode(signature + raw.replace(b"body", b"bodY"), dns=txt).authentication.dkim == ()
        assert decode(signature + raw).authentication.dkim == ()


def _rsa_pair() -> tuple[bytes, bytes]:
    """A fresh key pair from the openssl command."""
    import shutil
    import subprocess

    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    private = subprocess.run([openssl, "genrsa", "-traditional", "1024"], capture_output=True, check=False).stdout
    if b"RSA PRIVATE" not in private:
        private = subprocess.run([openssl, "genrsa", "1024"], capture_output=True, check=True).stdout
    public = subprocess.run([openssl, "rsa", "-pubout"], input=private, capture_output=True, check=True).stdout
    return b"".join(line for line in public.splitlines() if not line.startswith(b"-")), private
