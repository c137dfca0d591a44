# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in a real OpenLDAP, started for the test."""

import importlib.util
import shutil
import socket
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError
from abusehandler.installer.services import free_port, until

if importlib.util.find_spec("ldap3") is None:
    pytest.skip("ldap3 is not installed", allow_module_level=True)

# ldap3 checks host names by a function that Python 3.12 no longer has; there it brings its own.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")
NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/libexec:/usr/local/libexec:/usr/bin")
SCHEMA = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")

CONFIGURATION = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
include {schema}/nis.schema
modulepath {modules}
moduleload back_mdb
pidfile {folder}/slapd.pid
sizelimit 100
{tls}
database mdb
suffix "dc=example,dc=net"
directory {folder}/data
rootdn "cn=reader,dc=example,dc=net"
rootpw s3cret
access to * by * none
limits dn.exact="cn=reader,dc=example,dc=net" size.prtotal=unlimited
"""

ENTRIES = """
dn: dc=example,dc=net
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=customers,dc=example,dc=net
objectClass: organizationalUnit
ou: customers

dn: uid=1001,ou=customers,dc=example,dc=net
objectClass: inetOrgPerson
objectClass: ipHost
uid: 1001
cn: Example Bäckerei
sn: Bakery
mail: office@bakery.example
mail: owner@bakery.example
preferredLanguage: de
ipHostNumber: 192.0.2.0/28
ipHostNumber: 2001:db8:1::/48

dn: uid=1002,ou=customers,dc=example,dc=net
objectClass: inetOrgPerson
objectClass: ipHost
uid: 1002
cn: Jo Public
sn: Public
ipHostNumber: rubbish
"""


def many(count):
    return "".join(
        f"\ndn: uid=m{at},ou=customers,dc=example,dc=net\nobjectClass: inetOrgPerson\nobjectClass: ipHost\n"
        f"uid: m{at}\ncn: m{at}\nsn: m\nipHostNumber: 198.51.{100 + at // 256}.{at % 256}\n"
        for at in range(count)
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if SLAPD is None or not SCHEMA.is_dir():
        pytest.skip("OpenLDAP's slapd is not installed")
    folder = tmp_path_factory.mktemp("ldap")
    (folder / "data").mkdir()
    tls = ""
    if shutil.which("openssl"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        tls = f"TLSCertificateFile {folder}/cert\nTLSCertificateKeyFile {folder}/key"
    text = CONFIGURATION.format(schema=SCHEMA, modules=MODULES, folder=folder, tls=tls)
    (folder / "slapd.conf").write_text(text)
    (folder / "all.ldif").write_text(ENTRIES.strip() + "\n" + many(700))
    subprocess.run(
        [SLAPD, "-T", "add", "-q", "-f", folder / "slapd.conf", "-l", folder / "all.ldif"],
        check=True,
        capture_output=True,
    )
    ports = [free_port(), free_port()]
    process = subprocess.Popen(
        [SLAPD, "-d", "0", "-f", folder / "slapd.conf", "-h", f"ldap://127.0.0.1:{ports[0]} ldaps://127.0.0.1:{ports[1]}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: answers(ports[0]) and answers(ports[1] if tls else ports[0]), "slapd")
        yield folder, *ports
    finally:
        process.terminate()
        process.wait(60)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def settings(server, tmp_path):
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "password").chmod(0o600)
    return {
        "connector": "ldap",
        "url": f"ldap://127.0.0.1:{server[1]}",
        "user": "cn=reader,dc=example,dc=net",
        "password_file": "password",
        "base": "ou=customers,dc=example,dc=net",
        "filter": "(objectClass=ipHost)",
        "columns": {
            "prefix": "ipHostNumber", "customer_id": "uid", "name": "cn", "email": "mail",
            "language": "preferredLanguage",
        },
    }  # fmt: skip


def holder(known, address):
    [answer] = known.lookup_many([Query(address, NOW)])
    return answer.customer.id if answer.customer else answer.outcome


def test_entries_become_customers(settings, tmp_path):
    known = open_directory(settings, base=tmp_path)
    assert holder(known, "192.0.2.1") == "1001"
    assert holder(known, "2001:db8:1:2::3") == "1001"
    # More than the server gives at once to those who do not ask for pages.
    assert holder(known, "198.51.102.100") == "m612"
    customer = known.customer("1001")
    assert (customer.name, customer.language) == ("Example Bäckerei", "de")
    assert [contact.email for contact in customer.contacts] == ["office@bakery.example", "owner@bakery.example"]
    assert len(known.problems()) == 1
    assert known.problems()[0].endswith("'rubbish' is not an IP address; row left out")


def test_the_name_of_an_entry_is_an_attribute_too(settings, tmp_path):
    settings["columns"] = {"prefix": "ipHostNumber", "customer_id": "dn"}
    known = open_directory({**settings, "filter": "(uid=1001)"}, base=tmp_path)
    assert holder(known, "192.0.2.1") == "uid=1001,ou=customers,dc=example,dc=net"


def test_a_certificate_must_be_right(settings, server, tmp_path):
    settings["url"] = f"ldaps://127.0.0.1:{server[2]}"
    with pytest.raises(ConfigurationError, match="(?i)certificate"):
        open_directory(settings, base=tmp_path)
    settings["ca_file"] = str(server[0] / "cert")
    assert holder(open_directory(settings, base=tmp_path), "192.0.2.1") == "1001"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": "cn=nobody,dc=example,dc=net"}, "(?i)invalidCredentials"),
        ({"base": "dc=nowhere"}, "(?i)noSuchObject"),
        ({"filter": "(objectClass="}, "filter: write it in brackets"),
        ({"filter": "(((((uid=7)"}, "(?i)filter"),
        ({"url": "ldap://127.0.0.1:1"}, "ldap://127.0.0.1:1/ou=customers"),
    ],
)
def test_what_is_wrong_is_said(settings, tmp_path, change, told):
    with pytest.raises(ConfigurationError, match=told):
        open_directory({**settings, **change}, base=tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "http://ldap.example.net"}, "url: write"),
        ({"base": ""}, "base: write"),
        ({"columns": {}}, "columns: write"),
        ({"columns": {"prefiks": "x"}}, "no field 'prefiks'"),
        ({"user": "cn=reader"}, "write both"),
        ({"serach": "x"}, "serach: no such setting"),
    ],
)
def test_wrong_settings(tmp_path, change, told):
    right = {"connector": "ldap", "url": "ldaps://ldap.example.net", "base": "dc=x", "columns": {"prefix": "a"}}
    with pytest.raises(ConfigurationError, match=told):
        open_directory({**right, **change}, base=tmp_path)
