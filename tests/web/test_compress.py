"""Static files travel compressed, and unpack to the same bytes."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask

import web
from web import compress


@pytest.fixture
def application() -> Flask:
    made = Flask("compressed", static_folder=str(web.STATIC))
    compress.init(made)
    return made


def test_the_bundle_travels_compressed(application: Flask) -> None:
    answer = application.test_client().get("/static/app.css", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.vary.as_set() == {"accept-encoding"}
    assert gzip.decompress(answer.data) == (web.STATIC / "app.css").read_bytes()
    assert len(answer.data) < 120_000
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_an_old_browser_gets_the_plain_file(application: Flask) -> None:
    with application.test_client().get("/static/app.css", headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert answer.data == (web.STATIC / "app.css").read_bytes()


def test_a_known_copy_is_not_sent_again(application: Flask) -> None:
    client = application.test_client()
    first = client.get("/static/app.js", headers={"Accept-Encoding": "gzip"})
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]}
    with client.get("/static/app.js", headers=known) as again:
        assert again.status_code == 304
        assert again.data == b""
