# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounces as the common mail systems write them, for documentation addresses."""

from __future__ import annotations

NOTICE_ID = "<notice.12.0123456789abcdef@example.net>"
RETURNED = f"""\
Received: from desk.example.net (desk.example.net [192.0.2.1]) by mx.example.org with ESMTP; Fri, 20 Nov 2026 10:00:00 +0000
From: Example Networks <abuse@example.net>
To: one@example.com
Subject: Security problem at 192.0.2.10
Message-ID: {NOTICE_ID}
Date: Fri, 20 Nov 2026 10:00:00 +0000
"""


def mail(headers: str, body: str) -> bytes:
    return (headers.strip("\n") + "\n\n" + body).replace("\n", "\r\n").encode()


def dsn(
    *recipients: str, returned: str = "text/rfc822-headers", words: str = "Your message was not delivered."
) -> bytes:
    """RFC 3464; each of `recipients` is one group of fields."""
    groups = "\n\n".join(recipients)
    return mail(
        """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: abuse@example.net
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"
Message-ID: <bounce1@mx.example.org>""",
        f"""\
--b1
Content-Type: text/plain; charset=us-ascii

{words}

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000 (UTC)

{groups}

--b1
Content-Type: {returned}

{RETURNED}
--b1--
""",
    )


FAILED = """\
Final-Recipient: rfc822; one@example.com
Original-Recipient: rfc822;one@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <one@example.com>: Recipient address
    rejected: User unknown"""

EXIM = mail(
    """\
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: abuse@example.net
Auto-Submitted: auto-replied
X-Failed-Recipients: one@example.com
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1-exim@mx.example.org>""",
    f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@example.com
    host mx.example.com [198.51.100.7]
    SMTP error from remote mail server after RCPT TO:<one@example.com>:
    550 5.1.1 No such user here

------ This is a copy of the message, including all the headers. ------

{RETURNED}
Dear customer, other@example.com saw 192.0.2.10 scanning.
""",
)

EXIM_LATE = mail(
    """\
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: abuse@example.net
Subject: Warning: message 1abcde-000001-AA delayed 24 hours
Message-Id: <E2-exim@mx.example.org>""",
    """\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.org.

The address to which the message has not yet been delivered is:

  one@example.com

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered.
""",
)

QMAIL = mail(
    """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.org
To: abuse@example.net
Subject: failure notice
Date: 20 Nov 2026 10:00:05 -0000""",
    f"""\
Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<one@example.com>:
198.51.100.7 does not like recipient.
Remote host said: 550 5.1.1 unknown user
Giving up on 198.51.100.7.

--- Below this line is a copy of the message.

Return-Path: <abuse@example.net>
{RETURNED}
""",
)

EXCHANGE_OLD = mail(
    """\
Return-Path: <>
From: System Administrator <postmaster@example.com>
To: abuse@example.net
Subject: Undeliverable: Security problem at 192.0.2.10
In-Reply-To: <notice.12.0123456789abcdef@example.net>""",
    """\
Your message did not reach some or all of the intended recipients.

      Subject:	Security problem at 192.0.2.10
      Sent:	20/11/2026 10:00

The following recipient(s) cannot be reached:

      one@example.com on 20/11/2026 10:00
            The e-mail account does not exist at the organization this message was sent to.
            <mail.example.com #5.1.1>
""",
)

OFFICE365 = mail(
    """\
Return-Path: <>
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com>
To: abuse@example.net
Subject: Undeliverable: Security problem at 192.0.2.10
Auto-Submitted: auto-replied
References: <notice.12.0123456789abcdef@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="o1\"""",
    f"""\
--o1
Content-Type: text/html; charset=utf-8

<html><body><p>Your message to <b>one@example.com</b> couldn't be delivered.</p>
<p>one wasn't found at example.com.</p></body></html>

--o1
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0.example.com
Received-From-MTA: dns;mx.example.net

Final-Recipient: rfc822;one@example.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient one@example.com not found by SMTP address lookup

--o1
Content-Type: message/rfc822

{RETURNED}
Dear customer

--o1--
""",
)

DOMINO = mail(
    """\
Return-Path: <>
From: Postmaster@example.com
To: abuse@example.net
Subject: DELIVERY FAILURE: User one (one@example.com) not listed in Domino Directory""",
    """\
Your message

  Subject: Security problem at 192.0.2.10

was not delivered to:

  one@example.com

because:

  User one (one@example.com) not listed in Domino Directory
""",
)

MAIL_RU = mail(
    """\
Return-Path: <>
From: mailer-daemon@corp.example.org
To: abuse@example.net
Subject: Mail failure.
X-Failed-Recipients: one@example.com""",
    f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@example.com
    mailbox is full: retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

{RETURNED}
""",
)

SENDMAIL_OLD = mail(
    """\
Return-Path: <>
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>
To: abuse@example.net
Subject: Returned mail: see transcript for details""",
    f"""\
The original message was received at Fri, 20 Nov 2026 10:00:00 GMT
from desk.example.net [192.0.2.1]

   ----- The following addresses had permanent fatal errors -----
<one@example.com>
    (reason: 550 5.7.1 Message rejected as spam by Content Filtering)

   ----- Transcript of session follows -----
... while talking to mx.example.com.:

   ----- Message header follows -----
{RETURNED}
""",
)

POSTFIX_OLD = mail(
    """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: abuse@example.net
Subject: Undelivered Mail Returned to Sender""",
    f"""\
This is the Postfix program at host mx.example.org.

I'm sorry to have to inform you that your message could not be
be delivered to one or more recipients. It's attached below.

<one@example.com>: host mx.example.com[198.51.100.7] said: 552 5.2.2 Over quota (in
    reply to RCPT TO command)

{RETURNED}
""",
)

GMAIL = mail(
    """\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@mx.example.org>
To: abuse@example.net
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
In-Reply-To: <notice.12.0123456789abcdef@example.net>
X-Failed-Recipients: one@example.com""",
    """\
** Address not found **

Your message wasn't delivered to one@example.com because the address couldn't be found, or is unable to receive mail.

The response was:

550 5.1.1 The email account that you tried to reach does not exist.
""",
)

GERMAN = mail(
    """\
Return-Path: <>
From: Mailzustellung <postmaster@mx.example.org>
To: abuse@example.net
Subject: Unzustellbar: Security problem
References: <notice.12.0123456789abcdef@example.net>""",
    """\
Ihre Nachricht konnte nicht zugestellt werden an:

one@example.com
Der Empfänger existiert nicht.
""",
)

#: name → mail, action, status, what it means for the address
UNSTRUCTURED = {
    "exim": (EXIM, "failed", "5.1.1", "hard"),
    "exim, late": (EXIM_LATE, "delayed", "", "none"),
    "qmail": (QMAIL, "failed", "5.1.1", "hard"),
    "exchange, old": (EXCHANGE_OLD, "failed", "5.1.1", "hard"),
    "domino": (DOMINO, "failed", "", "hard"),
    "mail.ru": (MAIL_RU, "failed", "", "soft"),
    "sendmail, old": (SENDMAIL_OLD, "failed", "5.7.1", "soft"),
    "postfix, old": (POSTFIX_OLD, "failed", "5.2.2", "soft"),
    "gmail": (GMAIL, "failed", "5.1.1", "hard"),
    "german": (GERMAN, "failed", "", "hard"),
}

#: name → subject, text, action, what it means for the address
IN_OTHER_WORDS = {
    "courier": (
        "NOTICE: mail delivery status.",
        ("This is a delivery status notification from mx.example.org,\nrunning the Courier mail server.\n\n           UNDELIVERABLE MAIL\n\n"
        "Your message to the following recipients cannot be delivered:\n\n<one@example.com>:\n    mx.example.com [198.51.100.7]:\n<<< 550 5.1.1 User unknown"),
        "failed",
        "hard",
    ),
    "groupwise": (
        "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tone@example.com (550 unknown user)",
        "failed",
        "hard",
    ),
    "hmailserver": (
        "Message undeliverable: Security problem",
        ("Your message did not reach some or all of the intended recipients.\n\nThe following recipient(s) could not be reached:\n\none@example.com\n"
        "   Error Type: SMTP\n   Remote server (198.51.100.7) issued an error.\n   Remote server replied: 550 Unknown user"),
        "failed",
        "hard",
    ),
    "mdaemon": (
        "Permanent Delivery Failure",
        "The attached message had PERMANENT fatal delivery errors!\n\n  Failed address: one@example.com\n\n--- Session Transcript ---\n <-- 550 5.1.1 unknown",
        "failed",
        "hard",
    ),
    "given up": (
        "Returned mail: Cannot send message for 5 days",
        "The following addresses had permanent fatal errors\n<one@example.com>\nMessage could not be delivered: connection timed out",
        "failed",
        "soft",
    ),
    "as spam": (
        "Message blocked",
        "Your message to one@example.com has been blocked.\nThe response was: 550 5.7.1 Message contains content that is spam",
        "failed",
        "soft",
    ),
    "postfix, late": (
        "Delayed Mail (still being retried)",
        ("THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\nYour message could not be delivered for more than 4 hour(s).\n"
        "It will be retried until it is 5 day(s) old.\n\n<one@example.com>: connect to mx.example.com[198.51.100.7]:25: Connection timed out"),
        "delayed",
        "none",
    ),
    "german, late": ("Zustellung verzögert", "Die Zustellung an one@example.com ist verzögert. Es wird erneut versucht.", "delayed", "none"),
    "french": ("Non remis : Problème", "Votre message n'a pas pu être remis à :\n\none@example.com\n\nutilisateur inconnu", "failed", "hard"),
    "spanish": ("No se puede entregar: Problema", "No se pudo entregar el mensaje a:\n\none@example.com\nusuario desconocido", "failed", "hard"),
    "russian": ("Недоставленное сообщение", "Ваше сообщение не было доставлено:\n\none@example.com\nнет такого пользователя", "failed", "hard"),
}  # fmt: skip
