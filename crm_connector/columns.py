# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How people name the columns of a customer table, in the languages and systems we have met.

Names are compared after `column_key`: lower case, without accents, everything but letters and digits dropped. What
is not listed here becomes an attribute of the customer. An ISP whose names are missing writes `columns: {prefix:
"Their name"}`.
"""

from __future__ import annotations

import unicodedata

_WORDS = {
    "prefix": """
        prefix prefixes network networks net netz netzwerk cidr subnet subnetz subnets block netblock ip ips
        ipaddress ipaddresses ipaddr address addr ipadresse ipadressen ipv4 ipv6 ipv4address ipv6address
        ipv4prefix ipv6prefix range iprange ipbereich bereich inetnum inet6num reseau adresseip plage red
        direccionip rango rete indirizzoip sit adresaip siec netwerk ipadres assignedips assignedip
        dedicatedip framedipaddress framedip framedipv6prefix delegatedipv6prefix route
    """,
    "first": """
        first firstip from fromip start startip startaddress ipstart ipfrom von vonip begin beginip
        rangestart iprangestart rangefrom lowip firstaddress firstipaddress startipaddress
        fromipaddress debut desde da van od
    """,
    "last": """
        last lastip to toip end endip endaddress ipend ipto bis bisip rangeend iprangeend rangeto
        highip lastaddress lastipaddress endipaddress toipaddress fin hasta tot do
    """,
    "length": """
        length prefixlength prefixlen mask netmask subnetmask maske netzmaske masklen bits
    """,
    "customer_id": """
        customerid customernumber customerno customernr custid custno clientid clientno clientnumber
        kundennummer kundennr kundenr kundenid kdnr kdnummer numeroclient noclient idclient idcliente
        numerocliente codicecliente klantnummer klantnr klantid cislozakaznika numerklienta subscriberid
        accountid accountnumber accountno tenantid orgid organisationid organizationid userid contractid
        vertragsnummer customer cust client kunde cliente klant zakaznik klient subscriber account tenant
        contract vertrag reference ref uid id
    """,
    "name": """
        name customername clientname company companyname organisation organization org orgname kundenname
        firma firmenname fullname nom societe raisonsociale nombre empresa nome azienda ragionesociale naam
        bedrijf klantnaam jmeno nazev nazwa owner holder tenantname accountname
    """,
    "email": """
        email emails mail mails emailaddress mailaddress emailadresse mailadresse contact contactemail
        kontakt courriel adressemail correo correoelectronico posta postaelettronica emailadres
        customeremail clientemail adresemail abusecontact
    """,
    "email:abuse": """
        abuse abusemail abuseemail emailabuse abusemailbox securityemail abuseaddress
    """,
    "email:technical": """
        technicalemail techemail technicalmail techmail nocmail technical tech techcontact technicalcontact technik technikemail nocemail
        noc emailtechnical emailtech techc adminemail hostmaster
    """,
    "email:legal": """
        legalemail legalmail legal legalcontact recht juridique emaillegal
    """,
    "email:billing": """
        billingemail billingmail billing invoiceemail rechnung rechnungsemail emailbilling facturation
    """,
    "role": """
        role contacttype contactrole rolle
    """,
    "contact_name": """
        contactname contactperson ansprechpartner kontaktperson
    """,
    "channel": """
        channel notificationmethod notifyby kanal
    """,
    "state": """
        emailstate emailstatus contactstate contactstatus bouncing
    """,
    "language": """
        language lang sprache langue idioma lingua taal jazyk jezyk locale
    """,
    "valid_from": """
        validfrom since gueltigab gultigab gueltigvon gultigvon startdate startdatum datefrom starttime
        leasestart assignedat assigned assignmentdate begindate starts seit ab datedebut fechainicio
        activefrom allocatedat acctstarttime
    """,
    "valid_until": """
        validuntil validto until gueltigbis gultigbis enddate enddatum dateto endtime leaseend releasedat
        released expires expiry expirydate ends datefin fechafin activeuntil expiredate acctstoptime
        terminated enduntil
    """,
    "ports": """
        ports portrange portblock portbereich portset
    """,
    "port_first": """
        portfirst firstport portstart startport portfrom fromport portvon minport portlow
    """,
    "port_last": """
        portlast lastport portend endport portto toport portbis maxport porthigh
    """,
    "host": """
        host hosts hostname hostnames domain domains domainname fqdn domaene domaine dominio website url
        servername
    """,
    "alias": """
        alias aliases login username user benutzername radiususer pppoe pppoeuser mac macaddress hwaddr
        hardwareaddress circuitid circuit remoteid lineid leitung agentcircuitid callingstationid duid
        clientidentifier anschluss
    """,
    "reseller": """
        reseller resellerid parent parentid wiederverkaeufer partner partnerid
    """,
    "pass_on": """
        passon notifyreseller viareseller
    """,
}

#: field → spellings after `column_key`, the most telling first
SPELLINGS: dict[str, tuple[str, ...]] = {name: tuple(words.split()) for name, words in _WORDS.items()}

#: Beside a column with the number, these hold what the customer is called.
NAMES_BESIDE_ID = frozenset({
    "customer", "cust", "client", "kunde", "cliente", "klant", "zakaznik", "klient", "subscriber", "account", "tenant",
})  # fmt: skip

#: Names of `first` and `last` that are dates where another column holds the prefix.
EITHER_TIME_OR_ADDRESS = frozenset({
    "from", "start", "von", "begin", "debut", "desde", "da", "van", "od", "to", "end", "bis", "fin", "hasta", "tot", "do",
})  # fmt: skip

_FIELD_OF = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}

#: All names that may stand in a `columns:` mapping.
FIELDS = tuple(SPELLINGS)


def column_key(text: str) -> str:
    """A column's name in the form it is compared in."""
    text = text[:200].replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if sign.isalnum() and sign.isascii())


def field_of(column: str) -> str | None:
    """The field that a column of this name holds, None if we know no such name."""
    return _FIELD_OF.get(column_key(column))
