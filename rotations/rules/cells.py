"""Cells of a table that a spreadsheet opens: none may be read as a formula."""

from __future__ import annotations

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: an apostrophe stands before it if need be."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def meant(cell: str) -> str:
    """The text that `harmless` made a cell of."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(DANGEROUS) else cell
