"""The pages in a real browser: seen, tabbed through, on a phone, by night, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staging import BASE, app_of

from attest.hub.hub import Hub
from attest.verification.states import STATES
from stand_in import served

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ["/", f"/base-models/{BASE}", "/search?q=some", "/search?q=" + "0" * 64, "/r/x/y"] + [
    f"/r/huggingface/someone/{name}" for name in [*STATES, "not-shown", "no-rule"]
]

CHECK = """() => {
  const problems = [];
  const say = (what, node) => problems.push(what + ": " + node.outerHTML.slice(0, 120));
  const all = (query) => [...document.querySelectorAll(query)];
  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title) problems.push("no title");
  for (const part of ["header", "main", "footer"])
    if (all("body > " + part).length !== 1) problems.push("expected one " + part);
  if (all("h1").length !== 1) problems.push("expected one h1");
  let level = 0;
  for (const node of all("h1, h2, h3, h4")) {
    const own = Number(node.tagName[1]);
    if (own > level + 1) say("a level of headings is left out", node);
    level = own;
  }
  for (const node of all("svg"))
    if (node.getAttribute("aria-hidden") !== "true" &&
        !(node.getAttribute("role") === "img" && node.querySelector("title")?.textContent))
      say("a drawing without a title", node);
  for (const node of all("img")) if (!node.hasAttribute("alt")) say("an image without alt", node);
  for (const node of all("[tabindex]")) if (node.tabIndex > 0) say("a positive tabindex", node);
  for (const node of all("input, select, textarea"))
    if (!node.labels.length) say("a field without a label", node);
  for (const node of all("table")) {
    if (!node.caption?.textContent.trim()) say("a table without a caption", node);
    for (const head of node.querySelectorAll("th")) if (!head.scope) say("no scope", head);
  }
  for (const node of all("a, button"))
    if (!node.textContent.trim() && !node.querySelector("[alt]:not([alt=''])"))
      say("a link without words", node);
  for (const node of all("section[aria-labelledby]"))
    if (!document.getElementById(node.getAttribute("aria-labelledby"))) say("no label", node);
  const ids = all("[id]").map((node) => node.id);
  if (new Set(ids).size !== ids.length) problems.push("an id twice");

  const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const light = ([r, g, b]) => {
    const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.closest("title")) continue;
    const style = getComputedStyle(node);
    const ink = node.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(rgba(ink)), light(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) say("contrast " + contrast.toFixed(2), node);
  }
  return problems;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium (Debian: chromium)")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def origin(hub: Hub) -> Iterator[str]:
    with served(app_of(hub)) as found:
        yield found


def test_every_page_can_be_read_by_everybody(browser: Any, origin: str) -> None:
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            context = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme=scheme,
                java_script_enabled=True,
            )
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda message, to=complaints: to.append(message.text))
            for path in PAGES:
                page.goto(origin + path)
                found = page.evaluate(CHECK)
                assert not found, (scheme, width, path, found)
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (scheme, width, path, wide)
            # What the content policy refuses is told on the console.
            assert [one for one in complaints if "404" not in one] == []
            context.close()


def test_a_page_asks_for_nothing_elsewhere_and_needs_no_script(browser: Any, origin: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{origin}/r/huggingface/someone/passed")

    assert page.get_by_role("heading", name="Passed", exact=True).is_visible()
    page.get_by_text("Every step that was taken").click()
    assert page.get_by_text("signature", exact=True).is_visible()
    page.get_by_role("searchbox").fill("withdr")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="someone/withdrawn").click()
    assert page.get_by_role("heading", name="Withdrawn", exact=True).is_visible()
    assert all(url.startswith(origin) for url in asked)
    context.close()


def test_everything_is_reached_by_keyboard_and_seen_to_be(browser: Any, origin: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/r/huggingface/someone/passed")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    n_stops = page.locator("a, button, input, summary").count()
    seen = set()
    for _ in range(n_stops):
        is_ringed = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        assert page.evaluate(is_ringed)
        seen.add(
            page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
        page.keyboard.press("Tab")
    assert len(seen) == n_stops
    page.close()


def test_a_screen_reader_hears_what_is_drawn(browser: Any, origin: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/r/huggingface/someone/passed")
    drawing = page.get_by_role("img", name="refuses-harmful: measured 2.65%")

    assert drawing.is_visible()
    assert "with 95% confidence; the license asks for ≤ 15%" in drawing.text_content()
    rows = page.get_by_role("table", name="Each threshold of the license").get_by_role("row")
    assert rows.count() == 5
    page.close()
