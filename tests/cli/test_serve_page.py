"""The page of ``evaluate.py serve`` in headless Chromium, as a user has it: each panel, wrong inputs, two browsers."""

import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, PANELS, Server, Visit, choose, draw, playwright, shown, source
from commands import command, run_folder

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt install chromium")

FEW = ["--steps", "64", "--eval-episodes", "8", "--learner.worlds", "16", "--no-tensorboard", "--no-progress"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that hardly learned, of a world that an agent of the zoo knows."""
    logs = tmp_path_factory.mktemp("runs")
    words = ["Glimpse/TranslatedDigits-v0", "ram", *FEW, "--log-dir", str(logs)]
    done = command(Path(__file__).parents[2], "train.py", *words)
    assert done.returncode == 0, done.stderr
    return run_folder(logs)


@pytest.fixture(scope="module")
def server(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(Path(__file__).parents[2], [own], tmp_path_factory.mktemp("server") / "errors.txt")
    yield started
    assert started.process.poll() is None, started.errors.read_text()  # it lived through all of it
    assert started.end() == 130
    assert "Traceback" not in started.errors.read_text()
    assert not (started.errors.parent / ".nicegui").exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        started = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Visit]:
    opened = Visit(browser, server)
    yield opened
    opened.end()


def test_a_digit_is_drawn_and_looked_at_in_eight_glimpses(visit: Visit) -> None:
    panel = visit.open("Look")
    choose(visit, panel, "Agent", "ClutteredDigits-ram")
    shown(panel, "the picture with the path")
    playwright.expect(panel.get_by_text(re.compile("It says"))).to_be_visible()
    panel.get_by_role("button", name="Clear").click()
    draw(visit.page, panel)
    playwright.expect(panel.get_by_text("What was drawn, only you know.")).to_be_visible()
    panel.get_by_role("button", name="Stop").or_(panel.get_by_role("button", name="Play")).first.click()
    stage = panel.locator(".stage").first
    stage.focus()
    visit.page.keyboard.press("Home")
    pictures = []
    for glimpse in range(1, 9):
        playwright.expect(panel.get_by_text(f"glimpse {glimpse} of 8", exact=True)).to_be_visible()
        playwright.expect(panel.locator(f'img[alt*=": glimpse {glimpse} at"]')).to_be_visible()
        pictures.append(source(shown(panel, "the picture with the path")))
        visit.page.keyboard.press("ArrowRight")
    assert len(set(pictures)) == 8
    playwright.expect(panel.get_by_text("It says 3", exact=False)).to_be_visible()
    assert panel.locator('img[alt^="patch of"]').count() == 3
    choose(visit, panel, "Agent", "Digits-ram")
    playwright.expect(panel.get_by_text("glimpse 6 of 6")).to_be_visible()  # the drawing stays, whoever looks
    playwright.expect(panel.get_by_text("What was drawn, only you know.")).to_be_visible()
    panel.get_by_role("button", name="Random test picture").click()
    playwright.expect(panel.locator(".right, .wrong").first).to_be_visible()


def test_a_memory_is_stepped_forth_and_back(visit: Visit) -> None:
    panel = visit.open("Memory")
    length = panel.get_by_label("Length")
    playwright.expect(panel.get_by_text("moment 21 of 21")).to_be_visible()
    length.fill("4")
    panel.get_by_role("button", name="Begin an episode").click()
    playwright.expect(panel.get_by_text("moment 1 of 9")).to_be_visible()
    first = source(shown(panel, "the trace of the memory"))
    panel.get_by_role("button", name="Step").click()
    playwright.expect(panel.get_by_text("moment 2 of 9")).to_be_visible()
    playwright.expect(panel.locator('img[alt$="moment 2"]')).to_be_visible()
    assert source(shown(panel, "the trace of the memory")) != first
    panel.get_by_role("slider").focus()
    visit.page.keyboard.press("ArrowLeft")
    playwright.expect(panel.locator('img[alt$="moment 1"]')).to_be_visible()
    assert source(shown(panel, "the trace of the memory")) == first
    panel.locator(".stage").focus()
    visit.page.keyboard.press("End")
    playwright.expect(panel.get_by_text(re.compile("right is [01]{8}: right. So far 0 of 32"))).to_be_visible()
    for wrong, said in (("61", "length=61 is not allowed"), ("", "say length"), ("2.5", "must be a whole number")):
        length.fill(wrong)
        panel.get_by_role("button", name="Begin an episode").click()
        playwright.expect(panel.get_by_role("status").filter(has_text=said)).to_be_visible()


def test_a_text_is_written_and_downloaded(visit: Visit, tmp_path: Path) -> None:
    panel = visit.open("Write")
    shown(panel, "“attention”")
    text = panel.get_by_label("Text")
    text.fill("on it")
    panel.get_by_label("Styles").fill("2")
    text.press("Enter")
    shown(panel, "“on it”, written by hand in 2 styles")
    with visit.page.expect_download() as download:
        panel.get_by_role("button", name="Download SVG").click()
    assert download.value.suggested_filename == "on-it.svg"
    download.value.save_as(tmp_path / "page.svg")
    assert (tmp_path / "page.svg").read_text().count("<path") <= 2
    assert "on it" in (tmp_path / "page.svg").read_text()
    for wrong, said in (
        ("<script>alert(1)</script>", "allowed are"),
        ("naïve", "'ï'"),
        ("", "type a text"),
        ("x" * 99, "99"),
    ):
        text.fill(wrong)
        text.press("Enter")
        playwright.expect(panel.get_by_role("status").filter(has_text=said)).to_be_visible()


def test_a_sentence_is_translated(visit: Visit) -> None:
    panel = visit.open("Translate")
    playwright.expect(panel.get_by_text("Every word is right.")).to_be_visible()
    panel.get_by_role("button", name="Markt").click()
    share = panel.get_by_text(re.compile(r"market \d+ %"))
    assert int(re.findall(r"\d+", share.inner_text())[0]) > 50
    visit.page.keyboard.press("ArrowRight")
    playwright.expect(panel.get_by_role("button", name="europaeisch")).to_have_attribute("aria-pressed", "true")
    text = panel.get_by_label("Sentence")
    before = text.input_value()
    panel.get_by_role("button", name="Random sentence").click()
    playwright.expect(text).not_to_have_value(before)
    playwright.expect(panel.locator('img[alt^="alignment of “to reach the new"]')).to_have_count(0)
    for wrong, said in (
        ("to reach the markt", "Did you mean 'market'?"),
        ("<img src=x onerror=alert(1)>", "is no word"),
    ):
        text.fill(wrong)
        text.press("Enter")
        playwright.expect(panel.get_by_role("status").filter(has_text=said)).to_be_visible()
    text.fill("the cat")
    text.press("Enter")
    playwright.expect(panel.get_by_text("This is no sentence of its grammar")).to_be_visible()
    if shutil.which("espeak-ng") or shutil.which("espeak"):
        panel.get_by_role("button", name="Read the translation aloud").click()
        playwright.expect(panel.locator("audio")).to_have_attribute("src", re.compile("data:audio/wav"))
    else:
        playwright.expect(panel.get_by_text("Nothing on this machine reads aloud")).to_be_visible()


def test_a_car_is_driven_and_the_maps_change_without_near_cars(visit: Visit) -> None:
    panel = visit.open("Drive")
    playwright.expect(panel.get_by_text(re.compile("^step 0:"))).to_be_visible()
    maps = [shown(panel, f"what the {name}") for name in ("value", "advantage")]
    panel.locator(".stage").focus()
    for step, key in enumerate(("ArrowUp", "ArrowLeft", "ArrowRight", "ArrowDown", "Space"), 1):
        visit.page.keyboard.press(key)
        playwright.expect(panel.get_by_text(re.compile(f"^step {step}:"))).to_be_visible()
    panel.get_by_role("button", name="straight").click()
    playwright.expect(panel.get_by_text(re.compile("^step 6:"))).to_be_visible()
    step = 6
    while True:  # until there is a near car
        before = [source(one) for one in maps]
        panel.get_by_role("button", name="Change the world").click()
        said = panel.get_by_text(re.compile("the map of the value changed by"))
        playwright.expect(said).to_be_visible()
        if "nothing of that kind" not in said.inner_text().lower():
            break
        step += 1
        panel.get_by_role("button", name="Let the agent make a step").click()
        playwright.expect(panel.get_by_text(re.compile(f"^step {step}:"))).to_be_visible()
        assert step < 60
    assert all(source(one) != old for one, old in zip(maps, before, strict=True))
    shown(panel, "the road before")
    panel.get_by_role("button", name="Let it drive").click()
    playwright.expect(panel.get_by_text(re.compile(rf"^step (?!{step}:)\d+:"))).to_be_visible()
    panel.get_by_role("button", name="Stop").click()


def test_two_agents_are_compared(visit: Visit, own: Path) -> None:
    panel = visit.open("Compare")
    playwright.expect(panel.get_by_role("columnheader", name=own.name)).to_be_visible()
    shown(panel, "score on the validation split")  # its learning curve
    playwright.expect(panel.get_by_text("moment 1 of 7")).to_be_visible()
    pictures = [shown(panel, f"{name}: frame") for name in (own.name, "TranslatedDigits-ram")]
    before = [source(one) for one in pictures]
    assert before[0] == before[1]  # the same episode, before anybody did anything
    panel.get_by_role("button", name="Step").click()
    playwright.expect(panel.locator('img[alt$="frame 2 of 7"]')).to_have_count(2)
    after = [source(one) for one in pictures]
    assert len({*before, *after}) == 3
    choose(visit, panel, "Second agent", "Digits-ram")
    playwright.expect(panel.get_by_text("They live in different worlds")).to_be_visible()
    playwright.expect(panel.get_by_role("cell", name="Glimpse/TranslatedDigits-v0")).to_be_visible()


def test_two_browsers_share_no_state(browser: Any, server: Server) -> None:
    one, other = Visit(browser, server), Visit(browser, server, dark=True)
    panels = [visit.open("Memory") for visit in (one, other)]
    for panel, length in zip(panels, ("3", "7"), strict=True):
        panel.get_by_label("Length").fill(length)
        panel.get_by_role("button", name="Begin an episode").click()
    for panel, moments in zip(panels, (7, 15), strict=True):
        playwright.expect(panel.get_by_text(f"moment 1 of {moments}")).to_be_visible()
    panels[0].get_by_role("button", name="Step").click()
    playwright.expect(panels[0].get_by_text("moment 2 of 7")).to_be_visible()
    playwright.expect(panels[1].get_by_text("moment 1 of 15")).to_be_visible()
    light, dark = (visit.page.evaluate("getComputedStyle(document.body).backgroundColor") for visit in (one, other))
    assert light != dark  # each as its system has it
    one.page.get_by_role("button", name="dark").click()
    one.page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{dark}'")
    one.end()
    other.end()


def test_a_phone_scrolls_in_one_direction(browser: Any, server: Server) -> None:
    visit = Visit(browser, server, 390)
    alts = ("the picture with", "the trace", "“attention”", "alignment", "the road", "TranslatedDigits-ram")
    for name, alt in zip(PANELS, alts, strict=True):
        shown(visit.open(name), alt)
        for light in ("dark", "light"):
            visit.page.emulate_media(color_scheme=light)
            wide = visit.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1] == 390, name
    panel = visit.open("Look")
    panel.locator("canvas.drawing").tap()  # a dot, by a finger
    playwright.expect(panel.get_by_text("What was drawn, only you know.")).to_be_visible()
    visit.end()


def test_the_keyboard_gets_everywhere(visit: Visit) -> None:
    """From the first tab by keys alone: to the next panel, and to everything that can be pressed or typed in it."""
    visit.open("Look")
    visit.page.get_by_role("tab", name="Look").focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("Enter")
    panel = visit.page.get_by_role("tabpanel", name="Memory")
    playwright.expect(panel).to_be_visible()
    playwright.expect(panel.get_by_text("moment 21 of 21")).to_be_visible()
    reached = set()
    for _ in range(14):
        visit.page.keyboard.press("Tab")
        reached.add(
            visit.page.evaluate(
                "(e => e.getAttribute('aria-label') || e.innerText || e.className)(document.activeElement)"
            )
        )
    text = " ".join(map(str, reached))
    for wanted in ("Agent", "Length", "Begin an episode", "Back", "Step", "Play", "arrow keys", "stage"):
        assert wanted in text, reached


def test_only_the_page_is_served(server: Server) -> None:
    request = urllib.request.Request(server.address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)
    with urllib.request.urlopen(server.address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        body = answer.read().decode()
    assert "default-src 'self'" in policy
    outside = [url for url in re.findall(r'(?:src|href)="(https?:[^"]+)"', body) if not url.startswith(server.address)]
    assert outside == []
    for path in ("../../etc/passwd", "zoo/Copy-ntm/run.json", "docs", "openapi.json"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(server.address + path)
