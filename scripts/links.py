"""Every relative link and anchor in the Markdown files leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
MARKDOWN = MarkdownIt("commonmark").enable("table")


def files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


@cache
def tokens(path: Path) -> list[Token]:
    return MARKDOWN.parse(path.read_text(encoding="utf-8"))


@cache
def anchors(path: Path) -> set[str]:
    """The headings' names, as the common hosts make them."""
    found = set()
    parsed = tokens(path)
    for token, inline in zip(parsed, parsed[1:], strict=False):
        if token.type == "heading_open":
            text = re.sub(r"[^\w\- ]", "", inline.content.lower())
            found.add(text.replace(" ", "-"))
    return found


def links(path: Path) -> list[str]:
    found = []
    for token in tokens(path):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                found.append(str(target))
    return found


def is_dead(path: Path, link: str) -> bool:
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return False
    name, _, anchor = unquote(link).partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.exists():
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


def main() -> int:
    dead = [(path, link) for path in files() for link in links(path) if is_dead(path, link)]
    for path, link in dead:
        print(f"{path.relative_to(ROOT)}: {link} leads nowhere")  # noqa: T201
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
