"""Paper: a PDF from our own HTML, drawn in a child process with limits that fetches nothing."""

from __future__ import annotations

import subprocess
import sys

SECONDS = 20
MEMORY = 1024 * 1024 * 1024
LARGEST_PAGE = 8 * 1024 * 1024
LARGEST_PDF = 32 * 1024 * 1024


class PaperFailed(Exception):
    """The PDF could not be made: too large, too slow, or the library is missing a system part."""


def to_pdf(html: str) -> bytes:
    """A PDF (PDF/UA) of the HTML. Nothing is fetched: no file, no address, no picture.

    Takes up to 20 seconds of time and of CPU and 1 GiB of memory, in a process of its own. Raises
    `PaperFailed` with a sentence.
    """
    source = html.encode()
    if len(source) > LARGEST_PAGE:
        raise PaperFailed("The record is too long for a PDF.")
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            [sys.executable, "-I", "-c", CHILD, str(MEMORY), str(SECONDS)],
            input=source,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        )
    except subprocess.TimeoutExpired:
        raise PaperFailed("The PDF took too long to draw.") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF"):
        raise PaperFailed("The PDF could not be drawn.")
    if len(done.stdout) > LARGEST_PDF:
        raise PaperFailed("The PDF is too large.")
    return done.stdout


CHILD = """
import resource, sys
memory, seconds = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from weasyprint import HTML
from weasyprint.urls import URLFetcher

class Nothing(URLFetcher):
    def fetch(self, url, headers=None):
        raise ValueError("nothing is fetched")

html = sys.stdin.buffer.read().decode()
sys.stdout.buffer.write(HTML(string=html, url_fetcher=Nothing()).write_pdf(pdf_variant="pdf/ua-1"))
"""
