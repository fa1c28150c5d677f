"""Files that are not what they say, or more than they look: each was tried, and is refused or harmless."""

from __future__ import annotations

import io
import resource
import struct
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from servicedesk.attachments import sniff
from tests.fixtures.world import World

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def zipped(files: dict[str, bytes], *, packed: bool = True) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def bomb() -> bytes:
    return zipped({"a.txt": b"\0" * 60_000_000})


def with_a_lie_about_its_size(declared: int) -> bytes:
    """The central directory says how much comes out; what is in it does not matter."""
    plain = zipped({f"{i}.txt": b"x" for i in range(3)})
    at, out = 0, bytearray(plain)
    while (at := out.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<I", out, at + 24, declared)
        at += 4
    return bytes(out)


def pixel_bomb() -> bytes:
    """A PNG of 65,535 × 65,535 pixels in a few bytes: 17 GB once somebody draws it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 65535, 65535, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("content", [bomb(), with_a_lie_about_its_size(2**31)], ids=["really", "by its word"])
def test_an_archive_that_would_fill_a_disk_is_refused_unopened(content: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Invalid, match="解压后"):
        sniff.checked(content, "日志.zip")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


def test_an_archive_of_very_many_files_is_refused_without_listing_them() -> None:
    with pytest.raises(Invalid, match="文件过多"):
        sniff.checked(zipped({str(i): b"" for i in range(21_000)}, packed=False), "许多.zip")


def test_archives_inside_archives_are_never_opened() -> None:
    inner = zipped({"x.txt": b"x"})
    for _ in range(200):
        inner = zipped({"inner.zip": inner}, packed=False)
    began = time.process_time()
    assert sniff.checked(inner, "deep.zip").media_type == "application/zip"
    assert time.process_time() - began < 5


def test_ordinary_logs_are_taken() -> None:
    log = b"".join(b"2026-11-27 10:00:%02d ORA-01653 unable to extend table\n" % (i % 60) for i in range(200_000))
    assert sniff.checked(zipped({"alert.log": log}), "alert.zip").media_type == "application/zip"


@one_database
def test_no_picture_is_ever_drawn_by_the_server(world: World) -> None:
    """A pixel bomb is a small file to a program that does not decode it."""
    api, number = clerk_with_ticket(world)
    assert send(api, number, pixel_bomb(), "截图.png") == 201


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><script>alert(1)</script>"
LIES = (  # content, name: the name and the content say different things
    (HTML, "截图.png"),
    (HTML, "a.txt"),
    (SVG, "图.png"),
    (SVG, "图.svg"),
    (b"\xef\xbb\xbf  " + SVG, "x.txt"),
    (b"MZ\x90\x00" + b"\0" * 60, "报告.pdf"),
    (b"\x7fELF" + b"\0" * 60, "a.jpg"),
    (b"#!/bin/sh\nrm -rf /\n", "说明.txt"),
    (b"GIF89a" + b"\0" * 20, "a.exe"),
    (b"%PDF-1.7\n/OpenAction << /S /JavaScript >>", "a.pdf"),
    (zipped({"setup.exe": b"MZ"}), "资料.zip"),
    (zipped({"word/vbaProject.bin": b"x", "[Content_Types].xml": b"x"}), "a.docx"),
    (HTML.decode().encode("utf-16"), "x.txt"),
    (b"[InternetShortcut]\nURL=file://x", "x.txt"),
    (b"<?php system($_GET[0]);", "a.jpg"),
    (b"", "empty.png"),
    (b"\x00\x01\x02\x03" * 50, "x.bin"),
    (b"PK\x03\x04 no archive", "a.zip"),
)


@pytest.mark.parametrize(("content", "name"), LIES)
def test_content_that_lies_or_acts_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(Invalid):
        sniff.checked(content, sniff.clean_name(name))


NAMES = (
    "../../etc/passwd",
    "..\\..\\windows\\system32\\x.txt",
    "/etc/passwd",
    "C:\\x.txt",
    "a\x00.png",
    "a\r\nX-Evil: 1.png",
    'a".png',
    "\u202egnp.exe.txt",
    ".",
    "..",
    "",
    "   ",
    "a" * 5000 + ".png",
    "con.txt",
    "%2e%2e%2fx.png",
    "~root",
    "-rf.png",
    "a/b/../c.png",
)


@one_database
def test_a_name_leads_to_no_other_place_and_into_no_header(world: World) -> None:
    api, number = clerk_with_ticket(world)
    for at, name in enumerate(NAMES):
        picture = b"\x89PNG\r\n\x1a\n" + bytes([at]) * 40
        status = send(api, number, picture, name)
        assert status in {201, 422}, "422: without a name it is no file"
        if status == 422:
            continue
        row = api.get(f"/tickets/{number}/attachments").get_json()["items"][-1]
        assert not set(row["name"]) & set('/\\\r\n\0"\u202e'), name
        assert len(row["name"]) <= sniff.LONGEST_NAME
        with api.get(f"/attachments/{row['id']}") as got:
            assert got.get_data() == picture
            assert "X-Evil" not in got.headers
            assert got.headers["Content-Disposition"].startswith("attachment;")
    home = Path(world.app.config["TAXOPS"].home)
    assert all(home in path.resolve().parents for path in home.rglob("*")), "nothing outside of the home"


@given(st.binary(max_size=400), st.text(max_size=60))
def test_any_bytes_and_any_name_get_an_answer(content: bytes, name: str) -> None:
    clean = sniff.clean_name(name)
    try:
        kind = sniff.checked(content, clean)
    except Invalid:
        return
    else:
        assert kind.media_type not in {"text/html", "image/svg+xml", "application/javascript"}


@given(
    st.sampled_from([b"PK\x03\x04", b"%PDF-", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"RIFF"]),
    st.binary(max_size=300),
)
def test_any_damage_behind_a_known_beginning_gets_an_answer(magic: bytes, rest: bytes) -> None:
    try:
        sniff.checked(magic + rest, "x.dat")
    except Invalid:
        return


def clerk_with_ticket(world: World) -> tuple[Any, str]:
    api = world.api("lt-clerk")
    made = api.post("/tickets", {"kind": "incident", "title": "附件", "category": "desktop"})
    return api, made.get_json()["number"]


def send(api: Any, number: str, content: bytes, name: str) -> int:
    data = {"file": (io.BytesIO(content), name)}
    return int(
        api.call("POST", f"/tickets/{number}/attachments", data=data, content_type="multipart/form-data").status_code
    )
