"""Check the built site in Chromium: accessibility (axe) of each kind of page, and the size of all pages.

`make site` builds the site; then `python website/check_site.py` checks it, wide and on a phone, light and dark.
"""

import shutil
import sys
from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from write_site import SITE

PAGES = (
    "index learn/index learn/first_diagnosis learn/report learn/course do/prove do/choosing symptoms/index "
    "symptoms/instability symptoms/no_zero_grad remedies/zero_grad optimizers/Adam optimizers/Muon schedules/Cosine "
    "commands/doctor parts/index parts/network/initialise layouts/data lookup/glossary lookup/formats api/descend "
    "understand/proof understand/accuracy understand/limits gallery/pictures gallery/index contribute/index"
).split()
WIDTHS, SCHEMES = (1300, 390), ("light", "dark")
RULES = {"runOnly": ["wcag2a", "wcag2aa"]}  # Web Content Accessibility Guidelines 2.0, levels A and AA
LARGEST = 300_000  # bytes of a page without its pictures


def large_pages() -> Iterator[str]:
    """Yield the pages that are larger than `LARGEST`."""
    for page in sorted(SITE.rglob("*.html")):
        if page.stat().st_size > LARGEST:
            yield f"{page.relative_to(SITE)}: {page.stat().st_size / 1000:.0f} kB (limit: {LARGEST / 1000:.0f} kB)"


def violations(browser: Browser, width: int, scheme: str) -> Iterator[str]:
    """Yield what axe and the width of the window find wrong in each page of `PAGES`."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    for name in PAGES:
        page = context.new_page()
        page.goto((SITE / f"{name}.html").as_uri())
        page.wait_for_timeout(300)  # the theme sets the colours after the page is loaded
        for each in Axe().run(page, options=RULES).response["violations"]:
            places = "; ".join(str(node["target"][0]) for node in each["nodes"][:3])
            yield f"{name} ({width} pixels, {scheme}): {each['id']}: {each['help']}: {places}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{name} ({width} pixels, {scheme}): the page is {wide} pixels wide"
        page.close()
    context.close()


def main() -> int:
    """Print all problems; return 1 if there is one."""
    found = list(large_pages())
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                found += violations(browser, width, scheme)
        browser.close()
    print("\n".join(found) or f"no problem in {len(PAGES)} pages, {len(WIDTHS)} widths and {len(SCHEMES)} schemes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
