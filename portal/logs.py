"""Log lines without secrets: keys and tokens that stand in addresses are blotted out, tracebacks included."""

from __future__ import annotations

import logging
import re

SECRETS = re.compile(
    r"""
      (?P<path> /(?:hooks/[a-z0-9_-]+|heartbeats|p)/ ) [^/\s"'?]+
    | (?P<query> \b(?:token|key|code|signature|routing_key|integration_key|password|secret)=) [^&\s"']+
    | (?P<json> ["'](?:routing_key|integration_key|token|password|secret|api_key)["']\s*:\s*["']) [^"']+
    | (?P<bearer> \b(?:Bearer|Basic|Token)\s+ ) [A-Za-z0-9._~+/=-]{8,}
    | (?P<url> [a-z][a-z0-9+.-]*://[^\s/:@"']*: ) [^\s/@"']+ (?=@)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    return SECRETS.sub(lambda match: f"{match.group(match.lastgroup or 0)}…", text)


class SecretlessFormatter(logging.Formatter):
    """Formats a record whole, then blots out what must not be read in a log."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))
