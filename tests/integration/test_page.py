"""The page at the consumer's /, in a real browser: its numbers are the API's, anyone can use it, and it asks nobody else."""
import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import msgpack
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from clients.browser import Browser
from daemons import ROOT, consumer, wait_until
from streams import Stream

TOKEN = "a-token-for-the-page"
TOOLS = Path(__file__).parent / "page_tools"


LONG = 2**53 + 1  # of the numbers that JavaScript has none is this one


def send(stream):
    """Three days: five videos, two sources; video 3 is watched by most, each a part of its 100 s."""
    day, now = 86_400_000, int(time.time() * 1000)
    for ago in (2, 1, 0):
        for photo in range(1, 6):
            for viewer in range(photo if photo < 4 else 1):
                ts = now - ago * day - 60_000 * (viewer + 1)
                common = {"photo_id": photo, "source": "embed" if viewer % 2 else "site", "uuid": f"u{ago}-{viewer}"}
                stream.send(1, ts=ts, event="load", **common)
                common.update(kind="play", event=None, time_total=100.0, time_start=0.0)
                for end in (0.0, 10.0 + 20 * viewer, 40.0 + 30 * viewer):
                    stream.send(1, ts=ts + int(1000 * end), time_end=end, **common)
    stream.send(1, ts=now - 100 * day, event="load", photo_id=LONG, source="embed", uuid="u")


class Plays(Stream):
    """Keys whose value is None are left out."""

    def event(self, **more):
        event = msgpack.unpackb(super().event(**more))
        return msgpack.packb({key: value for key, value in event.items() if value is not None})


@pytest.fixture(scope="module")
def daemon(shared_kafka, tmp_path_factory):
    stream = Plays(shared_kafka)
    send(stream)
    with consumer(tmp_path_factory.mktemp("page"), shared_kafka.bootstrap, **stream.options(), read_tokens=TOKEN) as daemon:
        wait_until("all is counted", lambda: asked(daemon, metrics="reports")["rows"][0]["reports"] == stream.sent, 60)
        yield daemon


def asked(daemon, path="/v1/report", **query):
    address = f"http://127.0.0.1:{daemon.port}{path}?{urllib.parse.urlencode(query)}"
    ask = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(ask, timeout=30) as answer:
        body = answer.read()
    return body.decode() if query.get("format") == "csv" else json.loads(body)


class Page:
    """The page in a window."""

    def __init__(self, driver, origin, downloads):
        self.driver, self.origin, self.downloads = driver, origin, downloads

    def __getitem__(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def open(self, token=TOKEN):
        self.driver.get(self.origin + "/")
        wait_until("the page has begun", lambda: self["#token"].is_displayed() or self["#numbers"].is_displayed(), 60)
        if self["#token"].is_displayed():
            self["#token"].send_keys(token, Keys.ENTER)
        wait_until("the numbers are shown", self.cards, 60)

    def until(self, css):
        return wait_until(f"{css} is there", lambda: self[css], 60)

    def still(self):
        wait_until("the page is not asking", lambda: self["#numbers"].get_attribute("aria-busy") is None, 60)

    def choose(self, select, value):
        Select(self[select]).select_by_value(value)
        self.still()

    def cards(self):
        return self.pairs("#cards")

    def pairs(self, css):
        return self.driver.execute_script(
            "return Object.fromEntries([...document.querySelectorAll(arguments[0] + ' > div')].map((pair) =>"
            " [pair.children[0].textContent, pair.children[1].textContent]))", css)

    def rows(self, css):
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) =>"
            " [...row.children].map((cell) => cell.textContent))", css)

    def show_video(self, photo):
        self["#photo"].clear()
        self["#photo"].send_keys(str(photo), Keys.ENTER)
        wait_until("the video is shown", lambda: self["#video-title"].text == f"Video {photo}", 60)
        self.still()


@pytest.fixture(scope="module")
def window(daemon, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page-browser")
    origin = f"http://127.0.0.1:{daemon.port}"
    with Browser(folder, origin, origin) as browser:
        downloads = folder / "downloads"
        browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        yield browser, Page(browser.driver, origin, downloads)


@pytest.fixture
def page(window):
    """The page with its numbers; at the end of the test the console must be empty."""
    browser, page = window
    browser.driver.set_window_size(1200, 1600)
    page.open()
    browser.console()  # without a token the first question is refused
    yield page
    assert browser.console() == []


def hours(seconds):
    value = seconds / 60 if seconds < 3600 else seconds / 3600
    return f"{round(value, 1):g} {'min' if seconds < 3600 else 'h'}"


def test_the_cards_are_the_api_s_numbers(page, daemon):
    api = asked(daemon, **{"from": "-7d"}, metrics="loads,plays,play_rate,play_engagement,finishes")["rows"][0]
    viewers = asked(daemon, **{"from": "-7d"}, metrics="viewers")["rows"][0]["viewers"]
    assert api["plays"] == api["loads"] == 3 * 8 and viewers == 9 and api["finishes"] == 3
    assert page.cards() == {
        "loads": "24", "plays": "24", "play rate": "100 %", "watched": hours(api["play_engagement"]), "finishes": "3",
        "viewers, about": "9"}


def test_tables_are_the_api_s_rows_in_its_order(page, daemon):
    api = asked(daemon, **{"from": "-7d"}, dimensions="photo_id", metrics="plays,loads,play_engagement,finishes",
                sort="-plays,-loads", limit=20)["rows"]
    shown = page.rows("#videos")
    assert [(row[0], row[1], row[2], row[3], row[5]) for row in shown] == [
        (str(row["photo_id"]), str(row["plays"]), str(row["loads"]), hours(row["play_engagement"]), str(row["finishes"]))
        for row in api]
    api = asked(daemon, **{"from": "-7d"}, dimensions="source", metrics="plays,loads", sort="-plays,-loads")["rows"]
    assert [row[:3] for row in page.rows("#sources")] == [[row["source"], str(row["plays"]), str(row["loads"])] for row in api]
    series = asked(daemon, **{"from": "-7d"}, dimensions="day", metrics="plays")["rows"]
    assert page.rows("#series-table") == [
        [row["day"] + (" (unfinished)" if row.get("unfinished") else ""), str(row["plays"])] for row in series]
    assert "unfinished" in page.rows("#series-table")[-1][0] and "Dashed" in page["#series-note"].text


def test_a_long_photo_id_is_shown_to_the_last_digit(page):
    page.choose("#range", "365d")
    assert [str(LONG), "0", "1"] in [row[:3] for row in page.rows("#videos")]
    page.driver.find_element(By.XPATH, f"//*[@id='videos']//button[.='{LONG}']").click()
    wait_until("the video is shown", lambda: page["#video-title"].text == f"Video {LONG}", 60)
    page.still()
    assert page["#funnel li"].text == "loads: 1"


def test_filters_ask_anew(page, daemon):
    page.choose("#source", "embed")
    api = asked(daemon, **{"from": "-7d"}, where="source==embed", metrics="plays")["rows"][0]
    assert page.cards()["plays"] == str(api["plays"]) == "6"
    page.choose("#range", "today")
    page.choose("#metric", "loads")
    api = asked(daemon, **{"from": "-1d"}, dimensions="hour", metrics="loads")["rows"]
    assert len(page.rows("#series-table")) <= len(api)
    assert page["#series"].get_attribute("aria-label").startswith("A curve of loads from ")
    page.choose("#range", "all")
    page.choose("#source", "")
    assert page.cards()["plays"] == "24"
    page.choose("#range", "365d")
    page.choose("#tz", "Europe/Copenhagen")  # quarters of an hour serve it, and are kept for 35 days
    assert "35 days" in page["#series-note"].text and page.rows("#series-table") == []
    assert not page.driver.find_elements(By.CSS_SELECTOR, "#series canvas"), "the curve of another range"
    assert page.cards()["plays"] == "24" and not page["#fault"].is_displayed()
    page.driver.get_log("browser")  # that was a refusal, and is told there
    page.choose("#range", "7d")
    assert page.rows("#series-table") and page.cards()["plays"] == "24"


def test_a_video_has_its_curve_and_funnel(page, daemon):
    page.all("#videos button")[0].click()
    wait_until("the video is shown", lambda: page["#video"].is_displayed(), 60)
    page.still()
    assert page["#video-title"].text == "Video 3"
    api = asked(daemon, "/v1/retention", photo_id=3, **{"from": "-7d"})
    assert api["viewings"] == 9 and api["points"][0] == 100
    share = round(api["points"][50])
    assert f"{share} % at its middle" in page["#retention"].get_attribute("aria-label")
    assert page.driver.find_elements(By.CSS_SELECTOR, "#retention canvas")
    steps = [step.text for step in page.all("#funnel li")]
    assert steps[:2] == ["loads: 9", "plays: 9"] and steps[-1] == "finishes: 3"
    assert steps[3] == f"saw the point at 50 %: {round(9 * api['points'][50] / 100)}"
    page["#video-close"].click()
    assert not page["#video"].is_displayed()


def test_the_list_of_videos_is_a_file_too(page, daemon):
    page["#videos-csv"].click()
    file = page.downloads / "top-videos.csv"
    wait_until("it is downloaded", file.exists, 60)
    metrics = "plays,loads,play_engagement,playthrough_average,finishes"
    assert file.read_bytes().decode() == asked(
        daemon, **{"from": "-7d"}, dimensions="photo_id", metrics=metrics, sort="-plays,-loads", limit=100000, format="csv")


def test_operations_are_told(page, daemon):
    page.until("#vitals div")
    told, status = page.pairs("#vitals"), asked(daemon, "/v1/status")
    assert told["lag"] == "0 records, 0 s" and told["dead letters"] == "none"
    assert told["repeats dropped"] == str(status["repeats"]) and told["partitions"] == str(status["partitions"])
    assert page["#freshness"].text == "Counted up to now."


def test_without_a_token_nothing_is_shown(window, daemon):
    browser, page = window
    browser.driver.get(page.origin + "/")
    browser.driver.execute_script("sessionStorage.clear()")
    browser.driver.get(page.origin + "/")
    wait_until("a token is asked for", lambda: page["#token"].is_displayed(), 60)
    assert not page["#numbers"].is_displayed() and not page["#ops"].is_displayed() and page.cards() == {}
    page["#token"].send_keys("wrong", Keys.ENTER)
    wait_until("it was refused", lambda: any("401" in line for line in browser.console()), 60)
    assert not page["#numbers"].is_displayed()
    page["#token"].clear()
    page["#token"].send_keys(TOKEN, Keys.ENTER)
    wait_until("the numbers are shown", page.cards, 60)
    browser.console()


def test_it_asks_nobody_else(page):
    names = page.driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(names) > 10 and all(name.startswith(page.origin + "/") for name in names)
    # What would come from elsewhere, or stand in the page itself, is stopped by the policy.
    assert page.driver.execute_script(
        "const before = window.inline; const s = document.createElement('script'); s.textContent = 'window.inline = 1';"
        "document.head.append(s); return window.inline === before")
    page.driver.get_log("browser")  # the refusal is told there


def axe(driver):
    folder = ROOT / "build" / "page_tools"
    if not (folder / "node_modules" / "axe-core").exists():
        shutil.copytree(TOOLS, folder, dirs_exist_ok=True)
        subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True)
    driver.execute_script((folder / "node_modules" / "axe-core" / "axe.min.js").read_text())
    found = driver.execute_async_script("const done = arguments[0]; axe.run().then((found) => done(found.violations))")
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_anyone_can_use_it(page, scheme, width):
    driver = page.driver
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 1600, "deviceScaleFactor": 1, "mobile": width < 500})
    page.show_video(3)
    try:
        assert axe(driver) == []
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        shown = os.environ.get("PLAYREPORT_TEST_SCREENSHOTS")
        if shown:
            driver.execute_script("window.scrollTo(0, 0)")
            driver.save_screenshot(str(Path(shown) / f"page-{scheme}-{width}.png"))
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_keyboard_reaches_everything(page):
    driver = page.driver
    driver.execute_script("document.activeElement.blur()")
    reached, ids = [], ["range", "tz", "source", "bots", "internal", "metric", "videos-csv", "photo"]
    for _ in range(60):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(driver.execute_script("return document.activeElement.id || document.activeElement.className"))
    assert reached[0] == "skip" and [name for name in reached if name in ids][:len(ids)] == ids
    driver.execute_script("document.querySelector('#videos button').focus()")
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    wait_until("the video is shown", lambda: page["#video"].is_displayed(), 60)
    wait_until("it has the focus", lambda: driver.switch_to.active_element.get_attribute("id") == "video", 60)
