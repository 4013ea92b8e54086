"""Text from files and requests, made safe to show on one line."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line"]

MOST_LETTERS = 400


def one_line(text: str) -> str:
    r"""Show text with control characters escaped, and cut to a length.

    Args:
        text: Anything; it may come from a stranger's file.

    Example:
        >>> one_line("two\nlines")
        'two\\nlines'
    """
    shown = "".join(
        letter
        if letter == " " or unicodedata.category(letter)[0] not in "CZ"
        else letter.encode("unicode_escape", "backslashreplace").decode()
        for letter in text
    )
    return shown if len(shown) <= MOST_LETTERS else f"{shown[: MOST_LETTERS - 3]}..."
