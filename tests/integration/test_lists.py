"""/v1/photos and /v1/sources: what there is, and what begins as the user typed."""
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from daemons import consumer, wait_until
from streams import Stream

LOADS = {12: 3, 120: 2, 1205: 1, 7: 4}  # of each video
SOURCES = {"embed": 5, "embedded, too": 1, "site": 4}


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    stream = Stream(shared_kafka)
    sources = [source for source, count in SOURCES.items() for _ in range(count)]
    for photo, count in LOADS.items():
        for _ in range(count):
            stream.send(1, photo_id=photo, source=sources.pop())
    with consumer(tmp_path_factory.mktemp("lists"), shared_kafka.bootstrap, **stream.options()) as daemon:
        wait_until("all is counted", lambda: daemon.totals()["reports"] == stream.sent, 60)
        yield daemon


def asked(daemon, path, **query):
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        body = answer.read().decode()
        return json.loads(body)["rows"] if query.get("format", "json") == "json" else (body, answer.headers)


def loads(rows, name="photo_id"):
    return [(row[name], row["loads"]) for row in rows]


def test_videos_are_listed_the_most_wanted_first(daemon):
    rows = asked(daemon, "/v1/photos", metrics="loads")
    assert loads(rows) == [(7, 4), (12, 3), (120, 2), (1205, 1)]
    assert set(asked(daemon, "/v1/photos")[0]) == {"photo_id", "plays", "loads", "play_engagement"}


@pytest.mark.parametrize("q, videos", [("12", [12, 120, 1205]), ("120", [120, 1205]), ("0012", [12, 120, 1205]),
                                       ("7", [7]), ("5", []), ("", [7, 12, 120, 1205])])
def test_videos_are_found_by_how_they_begin(daemon, q, videos):
    assert [row["photo_id"] for row in asked(daemon, "/v1/photos", q=q, metrics="loads")] == videos


@pytest.mark.parametrize("q, sources", [("embed", ["embed", "embedded, too"]), ("embedded, ", ["embedded, too"]), ("Embed", []),
                                        ("s", ["site"]), ("", ["embed", "site", "embedded, too"])])
def test_sources_are_found_by_how_they_begin(daemon, q, sources):
    assert [row["source"] for row in asked(daemon, "/v1/sources", q=q, metrics="loads")] == sources
    assert loads(asked(daemon, "/v1/sources", q=q, metrics="loads"), "source") == [(name, SOURCES[name]) for name in sources]


def test_lists_come_in_pages_and_as_csv(daemon):
    text, headers = asked(daemon, "/v1/photos", q=1, metrics="loads", limit=2, format="csv")
    assert text == "photo_id,loads\r\n12,3\r\n120,2\r\n"
    text, _ = asked(daemon, "/v1/photos", q=1, metrics="loads", limit=2, format="csv", cursor=headers["X-Next-Cursor"])
    assert text == "photo_id,loads\r\n1205,1\r\n"


@pytest.mark.parametrize("path, query, parameter", [("/v1/photos", {"q": "x"}, "q"), ("/v1/photos", {"dimensions": "day"}, "dimensions"),
                                                    ("/v1/sources", {"colour": "red"}, "colour")])
def test_what_cannot_be_asked_is_named(daemon, path, query, parameter):
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(daemon, path, **query)
    assert refused.value.code == 400 and json.loads(refused.value.read())["error"]["parameter"] == parameter
