"""Makes data/pinyin.txt out of pypinyin's dictionaries: `python -m kb.search.build_pinyin`.

The program itself reads only the table: pypinyin keeps 47,000 phrases in memory (over 50 MB), and search needs no
tones and no phrases, only which syllables a character can have.
"""

import collections
import unicodedata
from pathlib import Path

TABLE = Path(__file__).with_name("data") / "pinyin.txt"
FIRST, LAST = 0x4E00, 0x9FFF
RARE = 0.04
"""A second reading used in a smaller share of the dictionary's phrases than this is noise for search."""


def toneless(syllable: str) -> str:
    """Plain ASCII syllable as typed on a keyboard (ü is v)."""
    split = unicodedata.normalize("NFD", syllable).replace("u\u0308", "v")
    return "".join(c for c in split if c.isascii() and c.isalpha())


def readings() -> dict[str, list[str]]:
    """Syllables of each character of the basic block, the commonest first."""
    from pypinyin.phrases_dict import phrases_dict  # a development dependency
    from pypinyin.pinyin_dict import pinyin_dict

    used: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for phrase, sounds in phrases_dict.items():
        for char, sound in zip(phrase, sounds, strict=False):
            used[char][toneless(sound[0])] += 1
    table = {}
    for code in range(FIRST, LAST + 1):
        if code not in pinyin_dict:
            continue
        char = chr(code)
        known = list(dict.fromkeys(toneless(s) for s in pinyin_dict[code].split(",")))
        total = sum(used[char].values())
        kept = [s for s, n in used[char].most_common() if s in known and n / total >= RARE]
        table[char] = kept or known[:1]
    return table


def main() -> None:
    """Write the table: one line for each syllable; `+` marks the characters that have it as a further reading."""
    lines: dict[str, list[str]] = collections.defaultdict(list)
    for char, sounds in readings().items():
        for rank, sound in enumerate(sounds):
            lines[sound + ("+" if rank else "")].append(char)
    TABLE.write_text("".join(f"{s} {''.join(cs)}\n" for s, cs in sorted(lines.items())), encoding="utf-8")


if __name__ == "__main__":
    main()
