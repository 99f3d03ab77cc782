"""The platform's extract methods: their numbers, their forms, and who may read them."""
import json
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from itertools import count

import msgpack
import pytest
from oauthlib import oauth1

from daemons import consumer, wait_until
from streams import Stream

DAY_MS = 86_400_000
TODAY = int(time.time() * 1000) // DAY_MS
FIRST = TODAY - 5  # the day, since 1970, of the first report
SITES = [{"key": "a", "site_id": "1", "site_name": "A", "product_key": "p", "domain": "a.example", "time_zone": "Asia/Kolkata",
          "hosts": ["a.example"]},
         {"key": "b", "site_id": "2", "site_name": "B", "product_key": "p", "domain": "b.example", "hosts": ["b.example"]}]
TOKEN = "a-token"
KEY, SECRET, USER, USER_SECRET = "key", "s&cret", "user", "user's secret"
NOTHING = {"downloadedBytes": 0, "downloads": 0, "events": {}, "finishes": 0, "loads": 0, "playEngagement": 0, "plays": 0,
           "playthroughAverage": None}
NONCES = count(1)


def date(day):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)).strftime("%Y-%m-%d")


def at(day, clock):
    hours, minutes = clock.split(":")
    return day * DAY_MS + int(hours) * 3_600_000 + int(minutes) * 60_000


class Reports(Stream):
    """Reports of site a, unless told otherwise; keys whose value is None are left out."""

    def event(self, **more):
        event = msgpack.unpackb(super().event(**{"site": "a", **more}))
        return msgpack.packb({key: value for key, value in event.items() if value is not None})

    def load(self, photo, ts, **more):
        self.send(1, 0, photo_id=photo, ts=ts, **more)

    def play(self, photo, ts, uuid, end, **more):
        self.send(1, 0, photo_id=photo, ts=ts, kind="play", event=None, uuid=uuid, time_start=0.0, time_end=float(end),
                  time_total=100.0, **more)

    def download(self, photo, ts, size, **more):
        self.send(1, 0, photo_id=photo, ts=ts, kind="download", event=None, bytes_total=size, skip=False, **more)


def send(stream):
    stream.load(7, at(FIRST, "12:10"))
    stream.load(7, at(FIRST, "18:29"))  # before midnight in Kolkata
    stream.load(7, at(FIRST, "18:30"), source="site")  # and after it
    stream.load(7, at(FIRST, "12:20"), event="fullscreen")
    stream.play(7, at(FIRST, "12:10"), "u1", 60)
    stream.play(7, at(FIRST + 1, "12:00"), "u2", 100, source="site")
    stream.load(8, at(FIRST + 3, "10:00"), source="site")
    stream.download(8, at(FIRST + 3, "10:00"), 1000)
    stream.download(8, at(FIRST + 3, "10:59"), 500)
    stream.load(7, at(FIRST, "12:10"), bot=True)
    stream.load(9, at(FIRST + 3, "11:00"), site="b")


TOTALS_7 = {"downloadedBytes": 0, "downloads": 0, "events": {"fullscreen": 1, "load": 3}, "finishes": 1, "loads": 3,
            "playEngagement": 160, "plays": 2, "playthroughAverage": 80.0}
TOTALS_8 = {**NOTHING, "downloadedBytes": 1500, "downloads": 2, "events": {"load": 1}, "loads": 1}


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extract")
    (folder / "sites.json").write_text(json.dumps(SITES))
    stream = Reports(shared_kafka)
    send(stream)
    options = stream.options(sites=folder / "sites.json", read_tokens=f"other,{TOKEN}",
                             oauth_keys=f"{KEY}:{SECRET},{KEY}:{SECRET}:{USER}:{USER_SECRET}")
    with consumer(folder, shared_kafka.bootstrap, **options) as daemon:
        def counted():
            rows = json.loads(fetch(daemon, "/v1/report", {"metrics": "reports", "bots": "include"}, v1=True)[1])["rows"]
            return rows[0]["reports"] == stream.sent
        wait_until("all is counted", counted, 60)
        yield daemon


def address(daemon, path):
    return f"http://127.0.0.1:{daemon.port}" + (path if path.startswith("/") else f"/api/analytics/extract/{path}")


def sent(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode(), answer.headers


def fetch(daemon, path, query=None, headers=None, host="a.example", v1=False, post=False, token=TOKEN):
    words = urllib.parse.urlencode(query or {})
    given = {"Host": host, **({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    where = address(daemon, path)
    request = urllib.request.Request(where, words.encode(), given) if post else \
        urllib.request.Request(f"{where}?{words}", headers=given)
    status, body, answered = sent(request)
    assert v1 or status == 200, body
    return status, body, answered


def asked(daemon, path, **query):
    answer = json.loads(fetch(daemon, path, query)[1])
    assert answer["status"] == "ok", answer
    return answer


def refused(daemon, path, **query):
    answer = json.loads(fetch(daemon, path, query)[1])
    assert answer["status"] == "error" and answer["permission_level"] == "anonymous", answer
    return answer["code"], answer["message"]


# ---- The numbers. ----


def test_play_totals_are_by_day_and_in_all(daemon):
    answer = asked(daemon, "play-totals", date_start=date(FIRST), date_end=date(FIRST + 3))
    daily, absolute = answer["analytics"]["daily"], answer["analytics"]["absolute"]
    assert [row["date"] for row in daily] == [day * DAY_MS - 19_800_000 for day in range(FIRST, FIRST + 4)]
    assert [row["totals"]["loads"] for row in daily] == [2, 1, 0, 1]
    assert daily[2]["totals"] == NOTHING
    assert daily[0]["totals"] == {**NOTHING, "events": {"fullscreen": 1, "load": 2}, "loads": 2, "plays": 1, "playEngagement": 60,
                                  "playthroughAverage": 60.0}
    assert absolute["totals"] == {**TOTALS_7, **{key: TOTALS_8[key] for key in ("downloads", "downloadedBytes")}, "loads": 4,
                                  "events": {"fullscreen": 1, "load": 4}}
    assert [answer[key] for key in ("p", "size", "total_count")] == [1, 1, 1]


def test_hours_are_those_of_utc(daemon):
    hourly = asked(daemon, "play-totals", date_start=date(FIRST), date_end=date(FIRST + 3))["analytics"]["absolute"]["hourly"]
    assert len(hourly) == 24
    assert {hour: row["loads"] for hour, row in enumerate(hourly) if row["loads"]} == {12: 1, 18: 2, 10: 1}
    assert hourly[10] == {"downloadedBytes": 1500, "downloads": 2, "finishes": 0, "loads": 1, "plays": 0}
    only = asked(daemon, "play-totals", date_start=date(FIRST), date_end=date(FIRST))["analytics"]["absolute"]["hourly"]
    assert only[18]["loads"] == 1, "half an hour of the next day in Kolkata"


def test_playthrough_has_101_points(daemon):
    points = asked(daemon, "play-totals")["analytics"]["absolute"]["playthrough"]
    assert points == [100] * 61 + [50] * 40
    assert asked(daemon, "play-totals", photo_id=8)["analytics"]["absolute"]["playthrough"] == [None] * 101


def test_without_dates_all_days_are_there_up_to_today(daemon):
    answer = asked(daemon, "play-totals", photo_id="8,12345")["analytics"]
    today = (int(time.time() * 1000) + 19_800_000) // DAY_MS
    days = [(row["date"] + 19_800_000) // DAY_MS for row in answer["daily"]]
    assert days in (list(range(FIRST + 3, today + 1)), list(range(FIRST + 3, today)))  # midnight may pass meanwhile
    assert answer["absolute"]["totals"] == TOTALS_8 and "hourlyFrom" not in answer["absolute"]


def test_where_hours_are_no_longer_kept_it_is_told_since_when_they_are(daemon):
    absolute = asked(daemon, "play-totals", date_start="2020-01-01")["analytics"]["absolute"]
    assert len(absolute["hourly"]) == 24 and absolute["totals"]["loads"] == 4
    assert abs(absolute["hourlyFrom"] / 1000 + 400 * 86_400 - time.time()) < 3600


def test_nothing_counted_is_zeros(daemon):
    answer = asked(daemon, "play-totals", photo_id=12345, date_start=date(FIRST), date_end=date(FIRST))["analytics"]
    assert [row["totals"] for row in answer["daily"]] == [NOTHING] and answer["absolute"]["totals"] == NOTHING


def photos(answer):
    return {row["photoId"]: row["totals"] for row in answer["analytics"]["photos"]}


def test_play_details_are_by_video(daemon):
    answer = asked(daemon, "play-details")
    assert photos(answer) == {"8": TOTALS_8, "7": TOTALS_7}
    assert [answer[key] for key in ("p", "size", "total_count")] == [1, 20, 2]
    assert list(answer) == ["status", "permission_level", "cached", "analytics", "p", "size", "total_count", "site", "endpoint"]
    assert answer["endpoint"] == "/api/analytics/extract/play-details" and answer["permission_level"] == "read"
    assert answer["cached"] == "0" and answer["site"]["site_id"] == "1"
    assert photos(asked(daemon, "play-details", photo_id=7, exclude_deleted_p=1)) == {"7": TOTALS_7}
    assert photos(asked(daemon, "play-details", date_start=date(FIRST + 2))) == {"8": TOTALS_8}


@pytest.mark.parametrize("orderby, videos", [("", "87"), ("downloads", "87"), ("playthrough_average", "78"), ("engagement", "78"),
                                             ("embeds", "78"), ("plays", "78"), ("loads", "78")])
def test_videos_are_in_the_order_asked_for(daemon, orderby, videos):
    assert "".join(photos(asked(daemon, "play-details", orderby=orderby))) == videos
    assert "".join(photos(asked(daemon, "play-details", orderby=orderby, order="asc"))) == videos[::-1]


def test_pages_follow_each_other(daemon):
    pages = [asked(daemon, "play-details", orderby="plays", size=1, p=p) for p in (1, 2, 3)]
    assert [list(photos(page)) for page in pages] == [["7"], ["8"], []]
    assert [(page["p"], page["size"], page["total_count"]) for page in pages] == [(1, 1, 2), (2, 1, 2), (3, 1, 2)]


def test_photo_totals_are_flat_and_of_what_changed(daemon):
    def since(moment, **more):
        text = datetime.fromtimestamp(moment / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        answer = asked(daemon, "photo-totals", since=text, **more)
        assert answer["size"] == answer["total_count"] == len(answer["analytics"]["photos"])
        return answer["analytics"]["photos"]

    assert since(at(FIRST, "00:00")) == [{"photoId": "7", "siteId": "1", **TOTALS_7}, {"photoId": "8", "siteId": "1", **TOTALS_8}]
    assert since(at(FIRST + 1, "12:00")) == since(at(FIRST, "00:00")), "its totals are those of all time"
    assert [row["photoId"] for row in since(at(FIRST + 1, "12:15"))] == ["8"]
    assert since(at(FIRST + 3, "11:15")) == []
    assert [(row["siteId"], row["photoId"]) for row in since(at(FIRST + 3, "00:00"), site_id="1,2")] == [("1", "8"), ("2", "9")]
    assert len(asked(daemon, "photo-totals")["analytics"]["photos"]) == 2
    assert len(asked(daemon, "photo-totals", since="2001-01-01 00:00:00")["analytics"]["photos"]) == 2


def embed(store, photo, pages):
    """Rows as the counting writes them: day, domain, url, loads, plays, and an event's count."""
    with sqlite3.connect(store, timeout=60) as db:
        def string(text):
            found = db.execute("SELECT id FROM strings WHERE text = ?", (text,)).fetchone()
            return found[0] if found else db.execute(
                "INSERT INTO strings SELECT max(id) + 1000000, ? FROM strings RETURNING id", (text,)).fetchone()[0]
        for day, domain, url, loads, plays in pages:
            key = (day, string("a"), photo, string(domain), string(url))
            db.execute("INSERT INTO embeds (day, site, photo_id, domain, url, traffic, reports, events, loads, plays)"
                       " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)", (*key, loads + plays, loads, loads, plays))
            db.execute("INSERT INTO embed_events (day, site, photo_id, domain, url, event, traffic, count)"
                       " VALUES (?, ?, ?, ?, ?, ?, 0, ?)", (*key, string("load"), loads))


def test_embed_details_are_by_domain_and_page(daemon):
    embed(daemon.options["store"].removeprefix("sqlite:"), 99, [
        (FIRST, "blog.example", "https://blog.example/a", 5, 1), (FIRST + 1, "blog.example", "https://blog.example/a", 2, 3),
        (FIRST, "blog.example", "https://blog.example/b", 1, 9), (FIRST, "shop.example", "https://shop.example/", 9, 2)])

    def domains(**query):
        answer = asked(daemon, "embed-details", photo_id=99, **query)
        return answer["total_count"], {row["domain"]: row for row in answer["analytics"]["domains"]}

    total, found = domains(orderby="plays")
    assert total == 2 and list(found) == ["blog.example", "shop.example"]
    blog = found["blog.example"]
    assert list(blog) == ["domain", "urlCount", "urls", "totals"] and blog["urlCount"] == 2
    assert blog["totals"] == {**NOTHING, "loads": 8, "plays": 13, "events": {"load": 8}}
    assert blog["urls"] == [{"url": "https://blog.example/b", "loads": 1, "plays": 9, "downloads": 0, "finishes": 0},
                            {"url": "https://blog.example/a", "loads": 7, "plays": 4, "downloads": 0, "finishes": 0}]
    assert found["shop.example"]["totals"] == {**NOTHING, "loads": 9, "plays": 2, "events": {"load": 9}}
    assert list(domains(orderby="embeds")[1]) == ["shop.example", "blog.example"]
    assert [len(row["urls"]) for row in domains(orderby="plays", url_limit=1)[1].values()] == [1, 1]
    assert [(len(row["urls"]), row["urlCount"]) for row in domains(orderby="plays", url_limit=0)[1].values()] == [(0, 2), (0, 1)]
    assert domains(orderby="plays", size=1, p=2)[1] == {"shop.example": found["shop.example"]}
    assert domains(size=1, p=3) == (2, {})
    assert domains(date_start=date(FIRST + 1))[1]["blog.example"]["totals"]["loads"] == 2


def test_there_are_no_days_before_1970(daemon):
    daily = asked(daemon, "play-totals", date_start="-36500d", date_end=date(FIRST + 3))["analytics"]["daily"]
    assert daily[0]["date"] == -19_800_000 and len(daily) == FIRST + 4
    assert sum(row["totals"]["loads"] for row in daily) == 4


def test_a_host_has_the_numbers_of_its_site(daemon):
    answer = json.loads(fetch(daemon, "play-details", host="b.example:80")[1])
    assert list(photos(answer)) == ["9"] and answer["site"]["site_id"] == "2"


# ---- The forms. ----


def test_the_form_is_as_in_the_report_api(daemon):
    bare = fetch(daemon, "play-details")
    assert bare[2]["Content-Type"] == "text/javascript; charset=utf-8"
    assert bare[2]["X-Content-Type-Options"] == "nosniff" and bare[2]["Cache-Control"] == "no-store"
    for query, form in [({"format": "json"}, "{}"), ({"raw": "1"}, "{}"), ({"varname": "visual"}, "var visual = {}"),
                        ({"callback": "window.f[2]"}, "/**/window.f[2]({});"), ({"callback": "f", "varname": "x"}, "/**/f({});"),
                        ({"raw": "", "varname": "x"}, "{}")]:
        assert fetch(daemon, "play-details", query)[1] == form.replace("{}", bare[1]), query
    assert fetch(daemon, "play-details", headers={"Accept": "application/json"})[2]["Content-Type"] == "application/json"
    assert fetch(daemon, "play-details", {"photo_id": 7, "unknown": 1}, post=True)[1] != bare[1]
    assert fetch(daemon, "play-details?size=7", {"photo_id": "7,8"}, post=True)[1] == bare[1], "POST: the query is ignored"


@pytest.mark.parametrize("query, name", [
    ({"date_start": "yesterday"}, "date_start"), ({"date_end": "2024-02-30"}, "date_end"), ({"photo_id": "7,x"}, "photo_id"),
    ({"photo_id": "-1"}, "photo_id"), ({"photo_id": "7\0"}, "photo_id"), ({"orderby": "fame"}, "orderby"), ({"order": "up"}, "order"),
    ({"p": "0"}, "p"), ({"size": "101"}, "size"), ({"size": "1e1"}, "size"), ({"url_limit": "-1"}, "url_limit"),
    ({"exclude_deleted_p": "maybe"}, "exclude_deleted_p"), ({"format": "xml"}, "format"), ({"callback": "f("}, "callback"),
    ({"date_start": "2024-05-02", "date_end": "2024-05-01"}, "date_start"), ({"photo_id": ",".join(["7"] * 1001)}, "photo_id")])
def test_a_wrong_parameter_is_named(daemon, query, name):
    code, message = refused(daemon, "embed-details", **query)
    assert code == "invalid_input" and f"The parameter {name} must be" in message


def test_errors_too_come_in_the_form_asked_for(daemon):
    body = fetch(daemon, "play-details", {"callback": "f", "p": "x"})[1]
    assert body.startswith('/**/f({"status":"error","message":"The parameter p must be') and body.endswith("});")
    assert refused(daemon, "photo-totals", site_id="3")[0] == "invalid_input"
    assert refused(daemon, "play-everything")[0] == "no_such_method"
    request = urllib.request.Request(address(daemon, "play-details"), method="PUT")
    status, _, headers = sent(request)
    assert status == 405 and headers["Allow"] == "GET, HEAD, POST"
    request = urllib.request.Request(address(daemon, "play-details"), b"{}", {"Content-Type": "application/json"})
    assert sent(request)[0] == 415


# ---- Who may. ----


def denied(answer):
    return json.loads(answer[1]).get("code") == "permission_denied"


def test_without_a_token_nothing_is_told(daemon):
    for token in ("", "wrong", TOKEN[:-1], TOKEN + "x"):
        assert denied(fetch(daemon, "play-details", token=token))
        assert sent(urllib.request.Request(address(daemon, "/v1/photos"), headers={"Authorization": f"Bearer {token}"}))[0] == 401


def signed(daemon, path="play-details", where="AUTH_HEADER", method="GET", body=None, host="a.example", **more):
    """A request signed by oauthlib; returns its uri, headers and body."""
    client = oauth1.Client(KEY, SECRET, signature_type=getattr(oauth1, f"SIGNATURE_TYPE_{where}"),
                           **{"nonce": f"n{next(NONCES)}-{time.time()}", **more})
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
    uri, headers, body = client.sign(address(daemon, path).replace(f"127.0.0.1:{daemon.port}", host), method, body, headers)
    return uri.replace(host, f"127.0.0.1:{daemon.port}", 1), {**headers, "Host": host}, body, method


def given(request):
    uri, headers, body, method = request
    return sent(urllib.request.Request(uri, body.encode() if body else None, headers, method=method))


QUERY = "play-details?orderby=plays&order=asc&photo_id=7%2C8&callback=a.b&x=%20%2B+y~&x=1"


@pytest.mark.parametrize("where", ["AUTH_HEADER", "QUERY"])
@pytest.mark.parametrize("user", [{}, {"resource_owner_key": USER, "resource_owner_secret": USER_SECRET}])
def test_a_signed_request_is_let_in_once(daemon, where, user):
    request = signed(daemon, QUERY, where, **user)
    assert given(request)[1].startswith('/**/a.b({"status":"ok"')
    assert '"permission_denied"' in given(request)[1], "sent again"


def test_a_form_may_be_signed(daemon):
    for where in ("AUTH_HEADER", "BODY"):
        request = signed(daemon, "play-details", where, "POST", "photo_id=7&size=5")
        assert list(photos(json.loads(given(request)[1]))) == ["7"]
        assert denied(given(request))


def test_methods_of_v1_may_be_signed(daemon):
    for where in ("AUTH_HEADER", "QUERY"):
        status, body, _ = given(signed(daemon, "/v1/photos?q=7&metrics=loads", where))
        assert status == 200 and json.loads(body)["rows"] == [{"photo_id": 7, "loads": 3}]
    assert given(signed(daemon, "/v1/status", "QUERY"))[0] == 200


@pytest.mark.parametrize("old, new", [("orderby=plays", "orderby=loads"), ("photo_id=7", "photo_id=9"), ("play-details", "embed-details"),
                                      ("order=asc&", ""), ("callback=a.b", "callback=a.c")])
def test_what_was_signed_cannot_be_changed(daemon, old, new):
    uri, headers, body, method = signed(daemon, QUERY)
    assert old in uri
    assert '"permission_denied"' in given((uri.replace(old, new), headers, body, method))[1]


@pytest.mark.parametrize("more", [{"client_secret": "guess"}, {"resource_owner_key": USER, "resource_owner_secret": "guess"},
                                  {"resource_owner_key": "nobody", "resource_owner_secret": USER_SECRET}])
def test_a_wrong_secret_is_refused(daemon, more):
    client = oauth1.Client(KEY, **{"client_secret": SECRET, **more})
    uri, headers, _ = client.sign(address(daemon, "play-details").replace(f"127.0.0.1:{daemon.port}", "a.example"))
    answer = sent(urllib.request.Request(uri.replace("a.example", f"127.0.0.1:{daemon.port}"), headers={**headers, "Host": "a.example"}))
    assert denied(answer)


def test_the_clock_may_be_off_by_five_minutes(daemon):
    now = int(time.time())
    for off, is_let_in in [(-240, True), (240, True), (-400, False), (400, False)]:
        assert denied(given(signed(daemon, timestamp=str(now + off)))) is not is_let_in, off


def test_another_host_or_method_is_another_request(daemon):
    uri, headers, body, method = signed(daemon)
    assert denied(given((uri, {**headers, "Host": "b.example"}, body, method)))
    uri, headers, body, _ = signed(daemon, "play-details", method="POST", body="size=5")
    assert denied(given((uri, headers, body, "GET")))


def test_it_does_not_listen_beyond_loopback_without_anyone_who_may(shared_kafka, tmp_path):
    for options in ({}, {"read_tokens": ","}):
        daemon = consumer(tmp_path, shared_kafka.bootstrap, **options)
        daemon.host = "0.0.0.0"
        with pytest.raises(RuntimeError, match="(?s)ended with 2: .*beyond loopback the numbers need read_tokens or oauth_keys"):
            daemon.start()
    daemon = consumer(tmp_path, shared_kafka.bootstrap, oauth_keys="key:secret:half")
    with pytest.raises(RuntimeError, match="(?s)ended with 2: .*oauth_keys: entry 1 is not"):
        daemon.start()
    daemon = consumer(tmp_path, shared_kafka.bootstrap, oauth_keys="key:secret", **Stream(shared_kafka).options())
    daemon.host = "0.0.0.0"
    with daemon:
        assert denied(fetch(daemon, "play-details", token=""))
        assert denied(fetch(daemon, "play-details", token="key"))
