"""Chromium without a window, and what a page of pages/ saw in it."""
import os
import shutil
from urllib.parse import urlencode

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from daemons import wait_until

# Root has no sandbox; and no name is looked up, so that the browser talks to this machine alone.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
         "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1")


def program(variable, *names):
    """Where it is: as the variable says, or under the first of these names that there is."""
    found = os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise RuntimeError(f"no {' or '.join(names)}: see \"The browser\" in CONTRIBUTING.md, or set {variable}")
    return found


class Browser:
    """One browser, until it is left. reports: where its pages send to, as an origin."""

    def __init__(self, folder, site, reports):
        options = webdriver.ChromeOptions()
        options.binary_location = program("PLAYREPORT_TEST_CHROMIUM", "chromium", "chromium-browser")
        for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.site, self.reports = site, reports
        driver = program("PLAYREPORT_TEST_CHROMEDRIVER", "chromedriver", "chromium.chromedriver")
        log = f"--log-path={folder / 'chromedriver.log'}"
        self.driver = webdriver.Chrome(service=Service(driver, service_args=[log]), options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def visit(self, page, **query):
        """Opens a page of the site; it is told where to send to, and the rest of the query."""
        words = urlencode({"reports": self.reports, **query})
        self.driver.get(f"{self.site}/{page}?{words}")

    def seen(self, count=1):
        """What the page has shown so far, once it is so many things."""

        def shown():
            things = self.driver.execute_script("return window.seen")
            return len(things) >= count and things

        return wait_until(f"the page shows {count} things", shown)

    def console(self):
        """What the console got since it was asked last: errors, warnings, anything."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
