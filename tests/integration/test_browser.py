"""A real browser against ingest: each way in which players' pages report, what the page sees of it, and what is in the
topic. The pages are those of clients/pages; but for one, ingest is another origin to them."""
import pytest

from clients.browser import Browser
from clients.inbox import Inbox, photos
from clients.site import Site
from daemons import ingest, wait_until

TOPIC = "browser.reports"
OK = {"status": "ok", "message": "The event was reported", "permission_level": "anonymous", "cached": "0"}
PLAY_OK = {**OK, "message": "The play was reported"}
UUID = "6f2d8c1a-93b4-0e57-a1c2-5d8e7f904b36"


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    options = {"topic": TOPIC, "topic_partitions": 3, "workers": 1}  # one lane: the topic has the order of the requests
    with ingest(tmp_path_factory.mktemp("browser"), shared_kafka.bootstrap, **options) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def inbox(daemon, shared_kafka):
    return Inbox(daemon, shared_kafka, TOPIC)


@pytest.fixture(scope="module")
def site(daemon, tmp_path_factory):
    with Site(tmp_path_factory.mktemp("browser") / "site", daemon.port) as site:
        yield site


@pytest.fixture(scope="module")
def window(daemon, site, tmp_path_factory):
    origin = f"http://localhost:{site.port}"
    with Browser(tmp_path_factory.mktemp("browser"), origin, f"http://127.0.0.1:{daemon.port}") as window:
        yield window


@pytest.fixture
def browser(window):
    """The browser; at the end of the test its console must have got nothing that the test has not taken."""
    yield window
    assert window.console() == []


@pytest.fixture
def photo(inbox, record_property):
    photo = next(photos)
    yield photo
    record_property("events", len(inbox.events(photo, 0)))


def of_reply(thing, wanted):
    """The part of what a page has shown that is wanted."""
    return {name: thing.get(name) for name in wanted} if isinstance(thing, dict) else thing


def told(events, *names):
    return [tuple(event.get(name) for name in names) for event in events]


def test_jquery_asks_another_origin_for_jsonp(browser, inbox, photo):
    browser.visit("jsonp.html", photo=photo)
    usual, by_name, refused, concatenated = browser.seen(4)
    assert of_reply(usual, OK) == of_reply(by_name, OK) == OK
    assert usual["report"] == {} and usual["site"]["site_id"] and usual["endpoint"] == "/api/analytics/report/event"
    assert (refused["status"], refused["code"]) == ("error", "invalid_input") and "event" in refused["message"]
    assert of_reply(concatenated["report"], OK) == OK and concatenated["site"]["site"] == usual["site"]
    events = inbox.events(photo, 3)
    assert told(events, "event", "source") == [
        ("load", "blåbær & \"smør\" 視聴"), ("fullscreen", "site"), ("load", "a & b")]
    assert all("Chrome/" in event["ua"] for event in events)


def test_html5_player_reports_by_script_tags_and_its_batch(browser, inbox, photo):
    browser.visit("player.html", photo=photo)
    *plays, batch = browser.seen(4)
    assert [of_reply(thing, OK) for thing in plays] == [OK, PLAY_OK, PLAY_OK]
    assert (batch["status"], batch["accepted"], batch["rejected"]) == ("ok", "2", "1")
    assert batch["rejections"] == [{"index": "2", "code": "invalid_input"}]
    events = inbox.events(photo, 5)
    assert told(events, "kind", "event", "time_start", "time_end", "time_total") == [
        ("event", "load", None, None, None), ("play", None, 0, 0, None), ("play", None, 0, 7.25, 60.5),
        ("event", "subtitlesActivated", None, None, None), ("play", None, 7.25, 60.5, 60.5)]
    assert set(told(events, "uuid", "source", "type", "user_player_resolution", "referer")) == {
        (UUID, "embed", "clip", "1920x1080", "https://www.example.org/videos?page=1&tab=new")}


def test_jquery_posts_to_its_own_origin_with_raw(browser, inbox, photo):
    browser.visit("post.html", photo=photo)
    event, play, xml = browser.seen(3)
    assert of_reply(event, OK) == OK and of_reply(play, PLAY_OK) == PLAY_OK
    assert xml == OK
    assert told(inbox.events(photo, 3), "kind", "event", "source", "time_start") == [
        ("event", "shareEngaged", "share", None), ("play", None, None, 1.5), ("event", "load", None, None)]


def test_fetch_reads_its_replies_with_a_preflight_and_without(browser, daemon, inbox, photo):
    asked = daemon.metric("playreport_http_requests_total")
    browser.visit("fetch.html", photo=photo)
    kept_alive, form, accepting, refused, xml = browser.seen(5)
    assert of_reply(kept_alive, OK) == of_reply(form, OK) == of_reply(accepting, OK) == OK
    assert form["type"] == "text/javascript; charset=utf-8"
    assert accepting["type"].startswith("application/json")
    assert (refused["http"], refused["status"], refused["code"]) == (200, "error", "invalid_input")
    assert xml == {"name": "response", "status": "ok", "message": "The event was reported"}
    assert told(inbox.events(photo, 4), "event", "source") == [
        ("load", "json"), ("load", "form"), ("load", "get"), ("load", "xml")]
    assert daemon.metric("playreport_http_requests_total") - asked >= 7, "two preflights and five requests"


@pytest.mark.parametrize("how", ["string", "parameters", "form data", "blob of text", "blob of a form",
                                 "blob without a type", "fetch", "fetch with a preflight", "pixel"])
def test_a_report_leaves_as_the_page_is_left(how, browser, inbox, photo):
    browser.visit("leave.html", photo=photo, how=how, target=browser.reports)
    browser.visit("left.html")
    assert browser.seen() == ["true"]
    assert told(inbox.events(photo, 1), "event", "source") == [("left", how)]


def test_a_beacon_of_json_leaves_for_its_own_origin(browser, inbox, photo):
    browser.visit("leave.html", photo=photo, how="blob of json", target="")
    browser.visit("left.html")
    assert browser.seen() == ["true"]
    assert told(inbox.events(photo, 1), "event", "source") == [("left", "blob of json")]


def test_an_image_reports_and_is_one_pixel_whatever_the_outcome(browser, inbox, photo):
    browser.visit("pixel.html", photo=photo)
    assert browser.seen(2) == ["1x1", "1x1"]
    assert told(inbox.events(photo, 1), "event", "source") == [("load", "pixel")]


def test_a_policy_that_names_ingest_alone_lets_all_ways_through(browser, inbox, photo):
    browser.visit("strict", photo=photo)
    assert browser.seen(3) == [["pixel", 1], ["fetch", "ok"], ["script", "ok"]]
    assert sorted(told(inbox.events(photo, 3), "event", "source")) == [
        ("load", "fetch"), ("load", "pixel"), ("load", "script")]


def test_a_policy_that_does_not_name_it_is_seen_in_the_console(browser, photo):
    """So an empty console of the other tests says something."""
    browser.visit("closed", photo=photo)
    assert browser.seen(3) == [["pixel", "blocked"], ["fetch", "blocked"], ["script", "blocked"]]
    assert sum("Content Security Policy" in line for line in browser.console()) >= 3


def test_a_page_isolated_by_coep_has_all_its_replies(browser, inbox, photo):
    """Such a page gets an image or a script of another origin only when that says that it may be had."""
    browser.visit("isolated", photo=photo)
    assert browser.seen(3) == [["pixel", 1], ["fetch", "ok"], ["script", "ok"]]
    assert len(inbox.events(photo, 3)) == 3


def test_a_beacon_of_json_for_another_origin_is_stopped_by_the_browser(browser, inbox, photo):
    """A beacon goes with credentials: where JSON needs a preflight, a reply for any origin does not suffice for it."""
    browser.visit("leave.html", photo=photo, how="blob of json", target=browser.reports, now=1)
    assert browser.seen() == [True]
    console = wait_until("the browser has given up", browser.console)
    assert "blocked by CORS policy" in console[0] and "credentials mode" in console[0]
    assert inbox.events(photo, 0) == []
