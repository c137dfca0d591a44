# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer files as they come out of Excel, billing systems and editors."""

import time
from datetime import datetime, timezone

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def opened(tmp_path):
    def open_text(content, **settings):
        path = tmp_path / "customers.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_directory({"connector": "csv", "path": "customers.csv", **settings}, base=tmp_path)

    return open_text


def ask(directory, address, at=NOW, port=None, host=None):
    [answer] = directory.lookup_many([Query(address, at, port, host)])
    return answer.customer.id if answer.outcome == "one" else answer.outcome


def test_a_plain_file(opened):
    known = opened("prefix,customer_id,name,email,language\n192.0.2.0/28,1001,Example Bakery,office@example.net,de\n")
    assert ask(known, "192.0.2.3") == "1001"
    customer = known.customer("1001")
    assert (customer.name, customer.language) == ("Example Bakery", "de")
    assert customer.contacts[0].email == "office@example.net"
    assert customer.contacts[0].role == "abuse"
    assert known.problems() == []


@pytest.mark.parametrize(
    "content",
    [
        "Kundennummer;Kunde;Netz;E-Mail\n7;Müller;192.0.2.0/24;m@example.net\n",
        "IP Address\tCust. No.\tCompany\temail address\n192.0.2.0/24\t7\tMüller\tm@example.net\n",
        "id|client|réseau|courriel\n7|Müller|192.0.2.0/24|m@example.net\n",
        "First IP,Last IP,Client ID,Client Name,Mail\n192.0.2.0,192.0.2.255,7,Müller,m@example.net\n",
        "ip,netmask,customer_id,customer,contact\n192.0.2.0,255.255.255.0,7,Müller,Fr. Müller <m@example.net>\n",
        "# Kunden, Stand heute\n# id;name;cidr;email\n7;Müller;192.0.2.0/24;m@example.net\n",
        "7;Müller;192.0.2.0/24;m@example.net\n",
        '"id","name","cidr","email"\r\n"7","Müller","192.0.2.0/24","m@example.net"\r\n',
        "\n\n;;;\nID;Name;CIDR;Email\n;;;\n7;Müller;192.0.2.0/24;m@example.net\n\n",
    ],
)
def test_columns_are_found_by_many_names(opened, content):
    known = opened(content)
    assert ask(known, "192.0.2.200") == "7"
    assert known.customer("7").name == "Müller"
    assert known.customer("7").contacts[0].email == "m@example.net"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(opened, encoding):
    known = opened("Kundennr;Kunde;Netz\n7;Bäckerei Größl;192.0.2.0/24\n".encode(encoding))
    assert known.customer("7").name == "Bäckerei Größl"


def test_what_is_left_out_is_told_with_its_line(opened):
    known = opened(
        "# our customers\n"
        "prefix,customer_id,email\n"
        "192.0.2.0/28,1,a@example.net\n"
        "300.0.0.0/8,2,b@example.net\n"
        "192.0.2.99-192.0.2.90,3,c@example.net\n"
        "192.0.2.35/28,4,no mail yet\n"
        "192.0.2.64/28,,\n"
        "0.0.0.0/0,5,e@example.net\n"
        "192.0.2.128/25,6,f@example.net\n"
    )
    assert ask(known, "192.0.2.1") == "1"
    assert ask(known, "192.0.2.33") == "4"
    assert ask(known, "192.0.2.129") == "6"
    assert ask(known, "192.0.2.65") == "none"
    told = {problem.split(": ")[0]: problem for problem in known.problems()}
    assert set(told) == {f"customers.csv:{line}" for line in (4, 5, 6, 7, 8)}
    assert "upside down" in told["customers.csv:5"]
    assert "192.0.2.32/28" in told["customers.csv:6"]


def test_repeated_and_contradicting_rows(opened):
    known = opened("prefix,id\n192.0.2.0/28,1\n192.0.2.0/28,1\n192.0.2.16/28,1\n192.0.2.16/28,2\n")
    assert ask(known, "192.0.2.1") == "1"
    [answer] = known.lookup_many([Query("192.0.2.17", NOW)])
    assert answer.outcome == "ambiguous"
    assert {candidate.place for candidate in answer.candidates} == {"customers.csv:4", "customers.csv:5"}
    [problem] = known.problems()
    assert problem.startswith("192.0.2.16/28 has two customers at once: 1 (customers.csv:4) and 2 (customers.csv:5)")


def test_several_contacts(opened):
    known = opened(
        "prefix;id;email;technical email;notes\n"
        "192.0.2.0/28;1;a@example.net, b@example.net;noc@example.net;VIP\n"
        "192.0.2.16/28;1;c@example.net;;\n"
        ";1;d@example.net;;\n"
    )
    contacts = [(contact.email, contact.role) for contact in known.customer("1").contacts]
    assert contacts == [
        ("a@example.net", "abuse"), ("b@example.net", "abuse"), ("noc@example.net", "technical"),
        ("c@example.net", "abuse"), ("d@example.net", "abuse"),
    ]  # fmt: skip
    assert known.customer("1").attributes == {"notes": "VIP"}
    assert known.problems() == []


def test_times_ports_hosts_and_aliases(opened):
    known = opened(
        "ip;id;valid from;valid until;ports;domain;login\n"
        "192.0.2.1;1;01.01.2026;01.03.2026 13:00;;;\n"
        "192.0.2.1;2;2026-03-01T12:00:00Z;;;;\n"
        "192.0.2.2;3;;;1024-2047;;\n"
        ";4;;;;shop.example, *.example.net;jo@dsl\n",
        time_zone="Europe/Vienna",
        clock_skew_seconds=0,
    )
    assert ask(known, "192.0.2.1", datetime(2026, 3, 1, 11, 59, 59, tzinfo=timezone.utc)) == "1"
    assert ask(known, "192.0.2.1", NOW) == "2"
    assert ask(known, "192.0.2.2", port=2000) == "3"
    assert ask(known, None, host="www.shop.example") == "4"
    assert known.customer("JO@dsl").id == "4"


def test_an_end_that_is_a_day(opened):
    text = "ip,id,valid_until\n192.0.2.1,1,2026-03-01\n"
    assert ask(opened(text, clock_skew_seconds=0), "192.0.2.1") == "none"
    assert ask(opened(text, clock_skew_seconds=0, until_includes_day=True), "192.0.2.1") == "1"


def test_own_names_for_columns(opened):
    text = "Zuordnung,Nr,Postfach\n192.0.2.0/24,7,x@example.net\n"
    known = opened(text, columns={"prefix": "Zuordnung", "customer_id": "Nr", "email": "Postfach"})
    assert ask(known, "192.0.2.1") == "7"
    known = opened("192.0.2.0/24,7\n", columns={"prefix": 0, "customer_id": 1}, header=False)
    assert ask(known, "192.0.2.1") == "7"
    with pytest.raises(ConfigurationError, match="has no column 'Netz'"):
        opened(text, columns={"prefix": "Netz"})
    with pytest.raises(ConfigurationError, match="no field 'prefiks'"):
        opened(text, columns={"prefiks": "Zuordnung"})


def test_quotes(opened):
    known = opened(
        "prefix,id,name\n"
        '192.0.2.0/28,1,"Smith, ""Bob"" & Co"\n'
        '192.0.2.16/28,2,5" Disk Ltd\n'
        '192.0.2.32/28,3,"two\nlines"\n'
        '192.0.2.48/28,4,"never closed\n' + "".join(f"192.0.3.{at},{at + 10},x\n" for at in range(100))
    )
    assert known.customer("1").name == 'Smith, "Bob" & Co'
    assert known.customer("2").name == '5" Disk Ltd'
    assert known.customer("3").name == "two\nlines"
    assert ask(known, "192.0.2.49") == "4"
    assert ask(known, "192.0.3.99") == "109"
    assert known.problems() == [
        "customers.csv:6: a quote is opened and not closed; quotes of this line are taken as they are"
    ]


def test_evil_files(opened):
    begin = time.process_time()
    known = opened(
        b"prefix,id\n192.0.2.0/28,1\n" + b"a" * 300_000 + b"\n192.0.2.16/28,\x002\n" + b'"' * 5001 + b"\n"
        b"192.0.2.32/28,3" + b"," * 100_000 + b"\n" + b"192.0.2.48/28,4\n192.0.2.1"
    )  # fmt: skip
    assert [ask(known, f"192.0.2.{last}") for last in (1, 17, 33, 49)] == ["1", "2", "3", "4"]
    assert time.process_time() - begin < 5  # a bound against the catastrophic, no measure of speed


def test_a_file_without_rows_or_sense(opened, tmp_path):
    assert ask(opened(""), "192.0.2.1") == "none"
    assert opened("").problems() == ["customers.csv: the file holds no rows"]
    with pytest.raises(ConfigurationError, match="no column holds addresses"):
        opened("<html><body>502 Bad Gateway</body></html>\n")
    (tmp_path / "customers.csv").unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        open_directory({"connector": "csv", "path": "customers.csv"}, base=tmp_path)


def test_a_file_cut_within_a_row(opened):
    """What is left of 192.0.2.128/25 would be another customer's address."""
    known = opened("prefix,id,email\n192.0.2.0/28,1,a@example.net\n192.0.2.1")
    assert ask(known, "192.0.2.1") == "1"
    assert known.problems() == ["customers.csv:3: the file ends within this row; left out. Is the file complete?"]
    assert opened("prefix,id\n192.0.2.0/28,1").problems() == []


def test_messages_hold_no_control_sequences(opened):
    known = opened("prefix,id\n\x1b[2Jrubbish,1\n")
    assert "\x1b" not in known.problems()[0]


MESSY = """"Export of 2026-01-01, page 1"

Cust ID,Customer Name,IP Range Start,IP Range End,Abuse Mail,Tech Mail
7,"Müller, Söhne & Co",192.0.2.0,192.0.2.255,abuse@example.net,noc@example.net
8,,198.51.100.7,,"<b@example.net>",
9,X,203.0.113.9,203.0.113.1,c@example.net,
Total: 3 customers
"""


def test_a_title_above_the_header_and_a_sum_below(opened):
    """Taken for a row of the table, the title would turn a range into its two ends."""
    known = opened(MESSY)
    assert ask(known, "192.0.2.77") == "7"
    assert ask(known, "198.51.100.7") == "8"
    assert ask(known, "203.0.113.9") == "none"
    assert known.customer("7").name == "Müller, Söhne & Co"
    assert {(one.email, one.role) for one in known.customer("7").contacts} == {
        ("abuse@example.net", "abuse"),
        ("noc@example.net", "technical"),
    }
    assert set(known.snapshot.customers()) == {"7", "8", "9"}
    assert known.problems() == [
        "customers.csv:1: above the header; not read",
        "customers.csv:6: 203.0.113.9 to 203.0.113.1 is not a range; row left out",
        "customers.csv:7: nothing but one cell; row left out",
    ]


def test_own_names_below_a_title(opened):
    text = "Our list\nAdres klienta,Numer\n192.0.2.0/28,7\n"
    assert ask(opened(text, columns={"prefix": "Adres klienta", "customer_id": "Numer"}), "192.0.2.1") == "7"


def test_a_range_without_a_header(opened):
    known = opened("list of ranges\n192.0.2.0,192.0.2.255,7\n198.51.100.0,198.51.100.15,8\n")
    assert ask(known, "192.0.2.77") == "7"
    assert ask(known, "198.51.100.9") == "8"


def test_a_contact_that_reads_another_language(opened):
    known = opened("prefix,id,email,language\n192.0.2.0/28,7,a@example.net,de\n,7,b@example.net,en\n")
    customer = known.customer("7")
    assert customer.language == "de"
    assert [(one.email, one.language) for one in customer.contacts] == [("a@example.net", ""), ("b@example.net", "en")]


def test_every_system_has_its_own_name_for_the_role(opened):
    known = opened(
        "prefix,id,email,role\n192.0.2.0/28,7,a@example.net,Abuse desk\n,7,b@example.net,NOC\n,7,*unknown*,x\n"
    )
    assert [(one.email, one.role) for one in known.customer("7").contacts] == [
        ("a@example.net", "abuse"),
        ("b@example.net", "noc"),
    ]
    assert known.problems() == []
