# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""XML-RPC calls (http://xmlrpc.com/spec.md) whose answers are not trusted.

The standard library's reader expands entities and nests without a limit, and `defusedxml.xmlrpc` mends that by changing
the library for the whole process; the eight types are read here instead.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from xmlrpc.client import dumps

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from abusehandler.crm_connector.web_api.bounded_client import ApiError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from abusehandler.crm_connector.web_api.bounded_client import BoundedClient

_DEEPEST = 30


def call(client: BoundedClient, path: str, method: str, *parameters: Any) -> Any:
    """The value that a method returns; times stay text. Raises ApiError."""
    content = dumps(parameters, method, allow_none=True, encoding="utf-8").encode()
    return read_response(client.post(path, content, "text/xml"), f"{path}: {method}")


def read_response(content: bytes, where: str) -> Any:
    """The value of a `methodResponse`. Raises ApiError for a fault and for what is no response."""
    begin = " ".join(content[:200].decode("utf-8", "replace").split())
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise ApiError(f"{where}: no XML-RPC but: {begin}") from error
    if root.tag != "methodResponse":
        raise ApiError(f"{where}: no XML-RPC but: {begin}")
    try:
        fault = root.find("fault/value")
        if fault is not None:
            told = _value(fault, 0)
            raise ApiError(f"{where}: {str(told.get('faultString'))[:300]} (fault {told.get('faultCode')})")
        value = root.find("params/param/value")
        if value is None:
            raise ValueError("no value")
        return _value(value, 0)
    except (ValueError, AttributeError, TypeError, binascii.Error) as error:
        raise ApiError(f"{where}: {error}; the answer begins: {begin}") from error


def _value(element: Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"values within values, more than {_DEEPEST} deep")
    inner = next(iter(element), None)
    if inner is None:
        return element.text or ""
    kind = inner.tag.rpartition("}")[2]  # ex:nil of Apache's extension
    text = inner.text or ""
    if kind in ("string", "dateTime.iso8601"):
        return text
    if kind in ("int", "i4", "i8"):
        return int(text[:40])
    if kind == "boolean":
        return text.strip() == "1"
    if kind == "double":
        return float(text[:40])
    if kind == "nil":
        return None
    if kind == "base64":
        return base64.b64decode(text)
    if kind == "array":
        return [_value(one, depth + 1) for one in inner.findall("data/value")]
    if kind == "struct":
        return {
            member.findtext("name", ""): _value(value, depth + 1)
            for member in inner.findall("member")
            if (value := member.find("value")) is not None
        }
    raise ValueError(f"no type {kind[:40]!r} in XML-RPC")
