"""What a file is, by its content; its name and the browser's word count for nothing. Pure.

Executable and active content is refused (T-18): programs, scripts, pages, SVG, shortcuts, Office files with macros, and
archives that carry any of these at their top.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

from core.errors import Invalid
from core.i18n import gettext as _

LARGEST = 20 * 1024 * 1024
LONGEST_NAME = 120
UNKNOWN = "application/octet-stream"
LONGEST_SUFFIX = 10
MOST_ENTRIES = 20_000
LARGEST_UNPACKED = 2 * 1024**3
MOST_TIMES = 200  # text packs 20 times at most, an empty log perhaps 150
_ZIP, _ZIP_ENTRY = b"PK\x03\x04", b"PK\x01\x02"
LOOKED_AT = 1024  # markup makes a page only near the beginning; a log may quote some further down

_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"BM", 0, "image/bmp"),
    (b"WEBP", 8, "image/webp"),
    (b"%PDF-", 0, "application/pdf"),
    (b"\x1f\x8b", 0, "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", 0, "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", 0, "application/vnd.rar"),
    (b"\xd4\xc3\xb2\xa1", 0, "application/vnd.tcpdump.pcap"),
    (b"\x0a\x0d\x0d\x0a", 0, "application/x-pcapng"),
    (b"ftyp", 4, "video/mp4"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"RIFF", 0, "audio/wav"),
    (b"II*\x00", 0, "image/tiff"),
    (b"MM\x00*", 0, "image/tiff"),
)
_EXECUTABLE: tuple[bytes, ...] = (
    b"MZ",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa",
    b"#!",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",
    b"!<arch>\n",
    b"\xed\xab\xee\xdb",
    b"MSCF",
)
_ACTIVE_TEXT = re.compile(
    rb"<\s*(?:script|html|svg|iframe|object|embed|body|!doctype\s+html|hta:)|<\?php|javascript\s*:|^\s*@echo\s+off"
    rb"|^\s*\[internetshortcut\]|wscript\.|createobject\s*\(|^\s*powershell\b|^\s*windows registry editor",
    re.IGNORECASE | re.MULTILINE,
)
_ACTIVE_PDF = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile)\b")
_BAD_SUFFIX = re.compile(
    r"\.(?:exe|com|scr|pif|bat|cmd|ps1|psm1|vbs|vbe|js|jse|wsf|wsh|hta|msi|msp|cpl|dll|sys|jar|class|lnk|url|reg|sh|bash|apk"
    r"|html?|xhtml|svgz?|xml|mht(?:ml)?|php|jsp|asp|aspx|py|pl|rb|docm|xlsm|pptm|dotm|xltm|chm|iso|img|deb|rpm)$",
    re.IGNORECASE,
)
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Kind:
    """What was found: a media type that is safe to name in an answer."""

    media_type: str


def clean_name(name: str | None) -> str:
    """A file name without path, control characters and bidirectional tricks, cut to its most useful part."""
    base = re.split(r"[\\/]", name or "")[-1]
    base = re.sub(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\"<>|:*?]", "", base).strip(" .")
    if len(base) > LONGEST_NAME:
        stem, _dot, suffix = base.rpartition(".")
        short = bool(stem) and len(suffix) <= LONGEST_SUFFIX
        base = f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}" if short else base[:LONGEST_NAME]
    return base or _("附件")


def checked(content: bytes, name: str, *, field: str = "file") -> Kind:
    """The kind of a file that may be kept. Raises Invalid saying what is wrong and what to do instead."""
    if not content:
        raise Invalid.of(field, _("“%(name)s”是空文件。", name=name))
    if len(content) > LARGEST:
        raise Invalid.of(field, _("“%(name)s”超过 20 MB，请压缩或截取需要的部分。", name=name))
    if _BAD_SUFFIX.search(name):
        raise Invalid.of(field, _refusal(name))
    if content.startswith(_ZIP) and _is_bomb(content):
        text = _("“%(name)s”解压后异常庞大或文件过多，不接收；请只打包需要的文件。", name=name)
        raise Invalid.of(field, text)
    media_type = _media_type(content)
    if media_type is None:
        raise Invalid.of(field, _refusal(name))
    if media_type == UNKNOWN:
        text = _("认不出“%(name)s”是什么文件；可以发截图、PDF、Office 文档、纯文本或压缩包。", name=name)
        raise Invalid.of(field, text)
    return Kind(media_type)


def _refusal(name: str) -> str:
    return _("“%(name)s”是可执行或含有活动内容的文件，为安全起见不接收；请改用截图、PDF 或纯文本。", name=name)


def _media_type(content: bytes) -> str | None:
    head = content[:64]
    if head.startswith(_EXECUTABLE):
        return None
    if head.startswith(_ZIP):
        return _zip_type(content)
    if head.startswith(_OLE):
        return None if _ole_has_macros(content) else "application/msword"
    for magic, offset, media_type in _MAGIC:
        if content[offset : offset + len(magic)] == magic:
            if media_type == "application/pdf" and _ACTIVE_PDF.search(content):
                return None
            return media_type
    return _text_type(content)


def _ole_has_macros(content: bytes) -> bool:
    return "_VBA_PROJECT".encode("utf-16-le") in content or b"Attribut\x00e VB_" in content


def _text_type(content: bytes) -> str | None:
    decoded = _as_utf8(content)
    if decoded is None:
        return UNKNOWN
    return None if _ACTIVE_TEXT.search(decoded[:LOOKED_AT]) else "text/plain"


def _as_utf8(content: bytes) -> bytes | None:
    """Text in UTF-8, whatever Chinese or Unicode encoding it came in; None when it is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16").encode()
        except UnicodeError:
            return None
    if _CONTROL.search(content[:65536]):
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding).encode()
        except UnicodeError:
            continue
    return None


def _is_bomb(content: bytes) -> bool:
    """An archive that would fill the disk of whoever opens it, or take us long to list; nothing is unpacked to find out."""
    if content.count(_ZIP_ENTRY) > MOST_ENTRIES:
        return True
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False  # no archive at all: refused as such
    return unpacked > LARGEST_UNPACKED or (unpacked > LARGEST and unpacked > MOST_TIMES * len(content))


def _zip_type(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()[:5000]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if any(n.lower().endswith("vbaproject.bin") or n.startswith("META-INF/MANIFEST.MF") for n in names):
        return None
    if "[Content_Types].xml" in names:
        found = (media for start, media in _OFFICE.items() if any(n.startswith(start) for n in names))
        return next(found, "application/zip")
    if "mimetype" in names:
        return "application/vnd.oasis.opendocument.text"
    return None if any(_BAD_SUFFIX.search(n) for n in names) else "application/zip"
