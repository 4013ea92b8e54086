"""What opens the account? Text that is sent in one header, to one origin, and shown nowhere."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, NoReturn, Self

from mh_preflight.errors import TokenError

__all__ = ["VARIABLE", "Masked", "Token"]

VARIABLE = "MAGIC_HOUR_API_KEY"

LONGEST = 1000
_GOOD = re.compile(r"[!-~]{1,1000}", re.ASCII)


class Masked:
    """Text that is not shown: a token, or a URL that is a key.

    It has no `__dict__`, its `repr` is a mask, it refuses to be pickled, and it equals nothing but
    itself.

    Args:
        text: What is not shown.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def __repr__(self) -> str:
        return f"{type(self).__name__}('***')"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not written anywhere")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def reveal(self) -> str:
        """Give the text; hold it no longer than it takes to send it."""
        return self.__text

    def scrub(self, text: str) -> str:
        """Give text of others without it."""
        return text.replace(self.__text, "***")


class Token(Masked):
    """The token of the API.

    Args:
        text: What stands behind `Bearer`; printable ASCII without spaces.

    Raises:
        TokenError: It cannot be sent in a header.

    Example:
        >>> Token("mhk_live_secret")
        Token('***')
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        fault = _fault(text)
        super().__init__(text)
        del text  # what shows the variables of this frame shall not show it
        if fault is not None:
            raise fault

    @classmethod
    def find(cls, given: str | Token | None) -> Token | TokenError:
        """Take the token that is given, else that of the environment.

        Args:
            given: The token, or None.

        Returns:
            The token; an error, to be raised where nothing holds the text any more, if there is
            none, or it cannot be one.
        """
        if isinstance(given, Token):
            return given
        text = os.environ.get(VARIABLE) if given is None else given
        if not text and given is None:
            return TokenError(f"token: is not given, and {VARIABLE} is not set", field="token")
        return _fault(text) or cls(str(text))

    @property
    def account(self) -> str:
        """What tells one account from another, and nothing else."""
        return hashlib.sha256(b"mh_preflight account\0" + self.reveal().encode()).hexdigest()[:16]


def _fault(text: object) -> TokenError | None:
    """Tell what is wrong with a token, without any part of it: a line end may be all of that."""
    if isinstance(text, str) and _GOOD.fullmatch(text):
        return None
    return TokenError(
        f"token: must be at most {LONGEST} printable ASCII letters without spaces", field="token"
    )
