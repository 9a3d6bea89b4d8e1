"""The page for everyone: keyboard only, screen readers, phones, both themes; nothing jumps."""

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from browser.page import SMALL, named, read, write_page
from browser.reader import DESKTOP, PHONE
from browser.test_alarms import HOSTILE


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Settings of a run on feature vectors."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("features") / "features.npz"
    y = np.arange(300) % 4
    np.savez(path, X=(rng.normal(size=(300, 12)) + np.eye(4, 12)[y]).astype(np.float32), y=y)
    return ("data.source=npz", f"data.path={path}", "train.epochs=2")


@pytest.fixture
def opened(reader, page_of):
    return lambda settings=SMALL, **how: reader.open(page_of(*settings)[0], **how)


@pytest.mark.parametrize(("dark", "size"), [(False, DESKTOP), (True, PHONE)], ids=["light", "dark, on a phone"])
def test_axe_finds_nothing(opened, dark, size):
    reader = opened(dark=dark, size=size).visit_all()
    reader.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert reader.violations() == []


def test_axe_rings(opened):
    reader = opened()
    reader.run("document.getElementById('play-next').textContent = ''")
    assert reader.violations("#play .stage")


def test_a_page_of_features_has_no_images_and_no_fault(opened, features):
    reader = opened(features).visit_all()
    shown = [section.get_attribute("id") for section in reader.all("main section")]
    assert shown == ["result", "how", "hill", "onestep", "mistakes", "record"]
    assert "feature vectors: the sections that need images are not here" in reader.text("record")
    assert reader.violations() == []


CONTROLS = "main button, main select, main summary, nav a, main input:not([type=radio]), main canvas[tabindex]"


def test_every_control_is_reached_by_the_tab_key_and_seen_to_be(opened):
    reader = opened().visit_all()
    expected = set(reader.run(
        "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility() && "
        "one.tabIndex >= 0).map((one, k) => one.dataset.tab = one.id || `control ${k}`)", CONTROLS,
    ))  # fmt: skip
    groups = set(reader.run("return [...document.querySelectorAll('input[type=radio]')].map((one) => one.name)"))
    reader.run("""
        window.reached = [];
        window.unseen = new Set();
        document.addEventListener("focusin", ({target}) => {
          reached.push(target.dataset.tab ?? target.name ?? "");
          const marked = target.matches("[type=radio], [type=file]") ? target.nextElementSibling : target;
          const {outlineStyle, outlineWidth} = getComputedStyle(marked);
          if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) unseen.add(target.outerHTML.slice(0, 80));
        });
    """)
    reader.run("document.querySelector('.skip').focus()")
    reader.press_tab(len(expected) + len(groups) + 30)
    reached = set(reader.run("return reached"))
    assert expected - reached == set()
    assert groups - reached == set()
    assert reader.run("return [...unseen]") == []


def test_an_image_is_moved_rubbed_out_and_drawn_on_by_keys(opened):
    reader = opened()
    reader.press("play-canvas", Keys.ARROW_UP)
    assert "moved 1 up" in reader.text("play-seen")
    reader.press("tool-move", Keys.ARROW_RIGHT)
    assert reader.run("return document.querySelector('input[name=tool]:checked').value") == "rub"
    before = reader.run("return [...imgclf.play.view().pixels]")
    reader.press("play-canvas", *[Keys.ARROW_DOWN] * 9, *[Keys.ARROW_RIGHT] * 9, Keys.SPACE)
    after = reader.run("return [...imgclf.play.view().pixels]")
    assert 0 < sum(a != b for a, b in zip(before, after, strict=True)) < 60
    assert "changed by hand" in reader.text("play-seen")
    reader.press("play-blank", Keys.ENTER)
    reader.press("play-canvas", Keys.SPACE)
    assert max(reader.run("return [...imgclf.play.view().pixels]")) == 255
    assert reader.text("play-seen").startswith("Your drawing")


@pytest.mark.parametrize(("button", "words"), [
    ("play-left", "1 left"), ("play-right", "1 right"), ("play-up", "1 up"), ("play-down", "1 down"),
    ("play-mirror", "mirrored"),
    ("play-invert", "inverted"),
])  # fmt: skip
def test_buttons_do_what_arrow_keys_do(opened, button, words):
    reader = opened()
    reader.press(button, Keys.ENTER)
    assert words in reader.text("play-seen")
    reader.press("play-reset", Keys.ENTER)
    assert words not in reader.text("play-seen")


def test_the_hill_is_walked_by_keys(opened):
    reader = opened().visit("hill")
    at_end = reader.text("hill-pointer")
    reader.press("hill-canvas", Keys.ARROW_UP, Keys.ARROW_RIGHT)
    assert reader.text("hill-pointer") != at_end
    reader.press("hill-canvas", Keys.ENTER)
    loss = reader.run("const {at} = imgclf.hill.ball(); return imgclf.core.surface(imgclf.data.hill, ...at).loss")
    assert f"{loss:.4f}" in reader.text("hill-pointer")
    reader.press("hill-step", Keys.ENTER)
    assert "after 1 step:" in reader.text("hill-ball")


def test_cells_are_walked_by_arrow_keys_and_opened_by_enter(opened):
    reader = opened().visit("mistakes")
    reader.run("document.querySelector('#mistakes-matrix button[tabindex=\"0\"]').id = 'cell'")
    pressed = reader.all("#mistakes-matrix [aria-pressed=true]")[0].get_attribute("data-cell")
    reader.press("cell", Keys.ARROW_UP, Keys.ENTER)
    now = reader.all("#mistakes-matrix [aria-pressed=true]")[0].get_attribute("data-cell")
    assert now != pressed
    assert now.split(",")[1] == pressed.split(",")[1]


def test_what_happens_is_said_aloud_once(opened):
    reader = opened()
    reader.press("play-canvas", *[Keys.ARROW_DOWN] * 4)
    reader.wait(lambda: "moved 4 down" in reader.text("live"))
    assert len(reader.all("[aria-live]")) == 1


def test_nothing_moves_by_itself_for_who_does_not_want_it(opened):
    assert not opened(calm=True).find("learned-run").is_displayed()
    assert opened(calm=False).find("learned-run").is_displayed()


@pytest.fixture(scope="module")
def hostile(run_directory, tmp_path_factory):
    return write_page(named(read(run_directory(*SMALL)), HOSTILE), tmp_path_factory.mktemp("hostile") / "report.html")


def test_hostile_names_are_shown_as_text(reader, hostile):
    reader.open(hostile).visit_all()
    shown = reader.run("return [...document.querySelectorAll('#classes-body th')].map((one) => one.title)")
    assert sorted(shown) == sorted(HOSTILE)
    assert reader.run("return document.querySelectorAll('body img, body script:not([type]), main script').length") == 1
    assert reader.violations("#mistakes") == []
    for size in (PHONE, DESKTOP):
        assert reader.resize(size).too_wide() == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_jumps(opened, size):
    reader = opened(size=size)
    reader.run("window.jumps = []; new PerformanceObserver((list) => jumps.push(...list.getEntries()))"
               ".observe({type: 'layout-shift', buffered: true})")  # fmt: skip
    reader.visit_all()
    reader.run("document.getElementById('play').scrollIntoView()")
    for button in ("play-next", "play-down", "play-mirror", "play-mistake", "play-blank"):
        reader.run("document.getElementById(arguments[0]).click()", button)
    script = "const done = arguments[arguments.length - 1]; setTimeout(() => done(jumps.map((one) => one.value)), 300)"
    assert sum(reader.driver.execute_async_script(script)) < 0.01
