"""Folding: full width to half, upper to lower, traditional to simplified; every character keeps its place."""

import functools
import importlib.util
import unicodedata
from pathlib import Path


@functools.cache
def simplified() -> dict[int, str]:
    """Table for `str.translate`: traditional character → the simplified one.

    Source: OpenCC's TSCharacters. The converter itself is not used: it converts by phrases, which moves offsets.
    """
    spec = importlib.util.find_spec("opencc")
    if spec is None or spec.origin is None:
        raise RuntimeError("opencc-python-reimplemented is not installed: traditional characters cannot be read")
    table = Path(spec.origin).with_name("dictionary") / "TSCharacters.txt"
    pairs = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if "\t" in line)
    return {ord(old): new.split(" ")[0] for old, new in pairs if len(old) == 1}


class _Folded(dict[int, str]):
    """Code point → its folded character; each is worked out once."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        folded = unicodedata.normalize("NFKC", char).lower().translate(simplified())
        # A ligature such as ㎡ becomes two characters: only the text's meaning may change, never its length.
        self[point] = found = folded if len(folded) == 1 else char.lower()[:1]
        return found


_folded = _Folded()


def fold(text: str) -> str:
    """Text for comparing, of the same length as `text`, so that offsets found in it hold in the original."""
    return text.lower() if text.isascii() else text.translate(_folded)
