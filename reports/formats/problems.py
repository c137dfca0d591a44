# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The words by which machine formats name a problem, as IntelMQ's classification.

Words are compared without case and punctuation. A word that several problems share (`fraud`, `abuse`, `activity`) is
left out on purpose: the text around it knows better.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

#: IntelMQ 3.5's classification types (RSIT); these name themselves.
TYPES = frozenset({
    "application-compromise", "blacklist", "brute-force", "burglary", "c2-server", "copyright", "data-leak",
    "data-loss", "ddos", "ddos-amplifier", "dga-domain", "dos", "exploit", "harmful-speech", "ids-alert",
    "infected-system", "information-disclosure", "malware", "malware-configuration", "malware-distribution",
    "masquerade", "misconfiguration", "other", "outage", "phishing", "potentially-unwanted-accessible",
    "privileged-account-compromise", "proxy", "sabotage", "scanner", "sniffing", "social-engineering", "spam",
    "system-compromise", "test", "tor", "unauthorised-information-access",
    "unauthorised-information-modification", "unauthorized-use-of-resources", "undetermined",
    "unprivileged-account-compromise", "violence", "vulnerable-system", "weak-crypto",
})  # fmt: skip

_WORDS: dict[str, str] = {
    word.replace("-", ""): problem
    for problem, words in {
        "spam": (
            "spam spamtrap spam-trap trap uce ube unsolicited email-spam mail-spam smtp-spam spambot spam-bot "
            "spamvertized spamvertised comment-spam forum-spam email-abuse spam-source spam-email snowshoe "
            "harvesting email-harvesting harvester spamming messaging complaint list-bomb bulk-messaging "
            "spam-report"
        ),
        "phishing": (
            "phishing phish phishing-url phishing-site phishing-website credential-phishing phishing-page "
            "phishing-attack spear-phishing phishing-urls-feed phishing-url-feed phishing-kit"
        ),
        "masquerade": (
            "cryptocurrency-scam crypto-scam scam impersonation fake-shop fraud-shop fraudulent-shop brand-abuse "
            "trademark typosquatting cybersquatting counterfeit investment-scam fake-store brand-impersonation "
            "lookalike"
        ),
        "brute-force": (
            "login-attack loginattack login bruteforce brute-force ssh-brute-force ssh-bruteforce "
            "password-guessing credential-stuffing login-attempts dictionary-attack ftp-bruteforce ssh-attack "
            "brute-force-attack login-attacks bruteforcer ssh-login authentication-attack auth-failure-attack "
            "passwordguessing ssh-brute rdp-bruteforce"
        ),
        "scanner": (
            "port-scan portscan scan scanning scanner network-scan portscanning network-scanning "
            "vulnerability-scan vulnerability-scanning reconnaissance probe probing host-scan portscanner sweep "
            "port-scanning"
        ),
        "exploit": (
            "web-attack webattack web-hack webhack exploit exploitation sql-injection sqlinjection xss "
            "web-app-attack webapp-attack exploit-attempt intrusion-attempt code-injection web-exploit rfi lfi "
            "attack-web hacking intrusion-attempts web-application-attack exploit-attempts"
        ),
        "ddos": (
            "ddos denial-of-service distributed-denial-of-service ddos-attack ddos-source syn-flood synflood "
            "udp-flood flooding"
        ),
        "dos": "dos dos-attack",
        "ddos-amplifier": (
            "amplification reflection amplifier ddos-amplification reflector dns-amplification ntp-amplification "
            "drdos amplification-attack dns-reflection"
        ),
        "infected-system": (
            "infected-system bot bots botnet infected infected-host compromised-host infection infected-machine "
            "botnet-infection botnet-drone drone malware-infection sinkhole trojan bot-infection zombie virus "
            "compromised-machine botnet-infections infected-client"
        ),
        "system-compromise": (
            "compromised-server hacked hacked-server compromised compromise system-compromise rogue-device "
            "compromised-system compromised-computer"
        ),
        "application-compromise": (
            "compromised-website hacked-website website-compromise web-shell webshell defacement compromised-site "
            "defaced compromised-cms"
        ),
        "malware-distribution": (
            "malware malware-url malware-hosting malware-distribution malware-attack payload malicious-url "
            "malware-site malicious-software malware-download malicious-code exploit-kit malware-host "
            "malware-urls drive-by malware-hosts"
        ),
        "c2-server": (
            "c2 cnc c-c c&c cc c2-server command-and-control command-control botnet-controller botnet-cc "
            "botnet-c2 botnet-cnc botnet-server cc-server cnc-server botnet-command-and-control"
        ),
        "copyright": (
            "copyright dmca infringement copyright-infringement piracy file-sharing filesharing p2p bittorrent "
            "copyright-violation dmca-copyright link-site cyberlocker ugc-platform usenet torrent "
            "intellectual-property copyright-p2p copyright-cyberlocker copyright-usenet"
        ),
        "vulnerable-system": (
            "vulnerability vulnerable vulnerable-system vulnerable-service open-service cve vulnerable-host "
            "vulnerable-systems vulnerability-report"
        ),
        "potentially-unwanted-accessible": "open exposed-service open-ports open-port accessible-service",
        "misconfiguration": "misconfiguration misconfigured-service misconfigured open-resolver open-dns-resolver",
        "proxy": "proxy open-proxy anonymizer",
        "blacklist": "blacklist blocklist blacklisted listed rbl dnsbl ip-reputation reputation-blocklist blocklisted",
        "harmful-speech": "hate-speech harassment cyberbullying extremism defamation",
        "violence": "child-abuse csam csem child-exploitation child-sexual-exploitation child-pornography terrorism",
        "unprivileged-account-compromise": (
            "compromised-account account-compromise stolen-credentials leaked-credentials compromised-credentials "
            "compromised-email-account"
        ),
        "data-leak": "data-leak data-leakage leak leaked-data data-breach",
        "ids-alert": "ids-alert ids firewall-drop snort suricata",
        "unauthorized-use-of-resources": "unauthorized-use fraud-website",
        "social-engineering": "social-engineering tech-support-scam",
        "dga-domain": "dga dga-domain",
        "tor": "tor tor-exit tor-node",
    }.items()
    for word in words.split()
}
_WORDS.update({name.replace("-", ""): name for name in TYPES})
_NOT_A_LETTER = re.compile(r"[^a-z0-9&]+")
# Words that mean a problem only when nothing stands beside them.
_ONLY_ALONE = {
    "amplification", "cc", "complaint", "cve", "exposed", "ids", "leak", "list", "listed", "login",
    "messaging", "open", "other", "payload", "proxy", "scan", "sweep", "test", "tor", "trap", "undetermined",
    "virus",
}  # fmt: skip


@lru_cache(maxsize=1024)
def classification(*words: str) -> str:
    """The classification.type of the first word that names one, else empty. The first argument counts most."""
    for word in words:
        clean = _NOT_A_LETTER.sub("", word.lower()[:60])
        found = _WORDS.get(clean) or _WORDS.get(clean.removesuffix("s"))
        if found:
            return found
    return ""


@lru_cache(maxsize=1024)
def classification_within(label: str) -> str:
    """The classification that a longer label names (`PHISHING_419SCAM`, `isakmp-vulnerable`): as a whole, by two
    words, by one.
    """
    found = classification(label)
    if found:
        return found
    words = [word for word in _NOT_A_LETTER.split(re.sub(r"([a-z])([A-Z])", r"\1 \2", label[:200]).lower()) if word]
    for first, second in pairwise(words):
        if found := classification(first + second):
            return found
    return next((found for word in words if word not in _ONLY_ALONE and (found := classification(word))), "")
