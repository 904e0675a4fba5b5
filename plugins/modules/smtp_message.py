#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: one message to a mail server, and the reason where it is refused."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_message
short_description: Send a message, and say why a mail server refuses it
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Sends one message by the rules of Infisical's own mail client (TLS from the start at port 465, STARTTLS elsewhere,
    the certificate always checked), so that settings are proven before a server is given them.
  - Unlike M(community.general.mail) it checks the certificate, takes an authority of your own, and explains each
    refusal.
  - Sends a message every time; always changed.
options:
  host:
    description: The mail server.
    type: str
    required: true
  port:
    description: Its port. TLS begins at once at 465.
    type: int
    default: 587
  starttls:
    description:
      - Whether TLS is a must (V(required)), used where it is offered (V(offered)), or left alone (V(never)).
      - Of no matter at port 465.
    type: str
    choices: [required, offered, never]
    default: required
  ca:
    description: Certificates of the authorities to trust, as PEM text; left empty, those of the host.
    type: str
    default: ""
  username:
    description: User at the mail server; left empty, nobody logs in.
    type: str
    default: ""
  password:
    description: Its password.
    type: str
    default: ""
  sender:
    description: Sender's address, with or without a name.
    type: str
    required: true
  recipient:
    description: Recipient's address.
    type: str
    required: true
  subject:
    description: Subject of the message.
    type: str
    required: true
  body:
    description: Text of the message.
    type: str
    required: true
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 20
attributes:
  check_mode:
    description: Sends nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Prove the mail settings
  omakase.homelab.smtp_message:
    host: mail.home.example
    username: infisical
    password: "{{ mail_password }}"
    sender: Infisical <infisical@home.example>
    recipient: me@home.example
    subject: Infisical can send mail
    body: This message proves it.
"""

RETURN = r"""
encrypted:
  description: Whether the message went over TLS.
  returned: when it was sent
  type: bool
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

from ansible.module_utils.basic import AnsibleModule

TLS_FROM_THE_START = 465


class RefusedError(Exception):
    """Why the message did not go."""


def said(error: smtplib.SMTPResponseException) -> str:
    """The mail server's own words."""
    text = error.smtp_error
    return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"


@contextmanager
def explained(params: dict[str, Any]) -> Iterator[None]:
    """Turn whatever goes wrong into a sentence."""
    place = f"{params['host']}:{params['port']}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise RefusedError(f"the certificate of {place} is not trusted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise RefusedError(f"{place} does not speak TLS here: {error.reason}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise RefusedError(f"{place} does not offer what is asked for: {error}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise RefusedError(f"{place} refused the login of {params['username']}: {said(error)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        (code, text), *_others = error.recipients.values()
        raise RefusedError(f"{place} refused the recipient: {code} {text.decode(errors='replace')}") from error
    except smtplib.SMTPResponseException as error:
        raise RefusedError(f"{place} refused the message: {said(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise RefusedError(f"{place} does not answer as a mail server: {error}") from error


def message_of(params: dict[str, Any]) -> EmailMessage:
    """The message with what a mail server expects of one."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = params["sender"], params["recipient"], params["subject"]
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=parseaddr(params["sender"])[1].rpartition("@")[2] or None)
    message.set_content(params["body"])
    return message


def send(params: dict[str, Any]) -> bool:
    """Send it; whether it went over TLS. Raises RefusedError."""
    context = ssl.create_default_context(cadata=params["ca"] or None)
    # Since Python 3.13 it refuses authorities that lack some field, which the server itself takes.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    place = (params["host"], params["port"])
    at_once = params["port"] == TLS_FROM_THE_START
    with explained(params):
        client = (
            smtplib.SMTP_SSL(*place, timeout=params["timeout"], context=context)
            if at_once
            else smtplib.SMTP(*place, timeout=params["timeout"])
        )
        with client:
            client.ehlo()
            must = params["starttls"] == "required"
            starts = not at_once and params["starttls"] != "never" and (must or client.has_extn("starttls"))
            if starts:
                client.starttls(context=context)
            if params["username"]:
                client.login(params["username"], params["password"])
            client.send_message(message_of(params))
    return at_once or starts


def main() -> None:
    """Send the message."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 587},
            "starttls": {"type": "str", "choices": ["required", "offered", "never"], "default": "required"},
            "ca": {"type": "str", "default": ""},
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "sender": {"type": "str", "required": True},
            "recipient": {"type": "str", "required": True},
            "subject": {"type": "str", "required": True},
            "body": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        module.exit_json(changed=True, encrypted=send(module.params))
    except RefusedError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
