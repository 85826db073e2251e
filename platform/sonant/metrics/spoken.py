"""Text as it is compared: what can be seen but not heard is taken away. One rule for reference and hypothesis.

Case, punctuation and the form of characters go (Unicode NFKC); hyphens part words; apostrophes inside words stay.
Numbers are not spelled out: where a reference writes words, an engine that writes digits is counted as wrong.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u02bc\u2018`", "'"))
_NOT_HEARD = re.compile(r"[^\w']|_")
_LOOSE_APOSTROPHES = re.compile(r"(?<!\w)'+|'+(?!\w)")


def spoken(text: str) -> str:
    """Lower-case words with one space between them."""
    plain = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
    return " ".join(_LOOSE_APOSTROPHES.sub(" ", _NOT_HEARD.sub(" ", plain)).split())
