"""The sections of the page: what they show is what was computed, and the answers to the questions are true."""

import re

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from browser.page import SMALL
from imgclf.model import scores

MINUS = "\N{MINUS SIGN}"
A_SAMPLE = ("data.val_fraction=0.25", "train.epochs=1")  # more images than a page holds
STANDARDIZED = (*SMALL, "preprocess.std=pixel", "model.loss=svm", "regularization.l1=1e-4")


def number(text):
    return float(text.replace(MINUS, "-").replace(",", ""))


def scores_of(run, pixels):
    return scores(run.model.preprocess.apply(pixels), run.model.weights)


def moved(images, down, right):
    """Images (n, H, W, channels) moved down and right, their border repeated."""
    height, width = images.shape[1:3]
    rows, columns = (np.clip(np.arange(size) - by, 0, size - 1) for size, by in ((height, down), (width, right)))
    return images[:, rows][:, :, columns]


@pytest.fixture
def opened(reader, page_of):
    def opened(*settings, **how):
        path, run = page_of(*(settings or SMALL))
        return reader.open(path, **how), run

    return opened


# ---- Why


@pytest.mark.parametrize("settings", [SMALL, STANDARDIZED], ids=["softmax", "svm, standardized"])
def test_the_totals_shown_add_up_as_shown(opened, settings):
    reader, run = opened(*settings)
    shown = reader.run("""
        const found = [], ids = ["for", "against", "bias", "total"].map((part) => `why-${part}`);
        for (const position of imgclf.data.val.index.slice(0, 12)) {
          imgclf.play.show(position);
          for (const show of ["difference", "first", "second"]) for (const against of ["mean", "ink"]) {
            imgclf.state.set({show, against});
            found.push([position, show, ids.map((id) => document.getElementById(id).textContent)]);
          }
        }
        return found;
    """)
    for position, show, words in shown:
        s = np.sort(scores_of(run, run.shown.pixels([position]))[0])[::-1]
        parts = [round(100 * number(word)) for word in words]
        assert sum(parts[:3]) == parts[3]
        assert parts[0] >= 0 >= parts[1]
        assert abs(parts[3] / 100 - {"difference": s[0] - s[1], "first": s[0], "second": s[1]}[show]) <= 0.0051


def test_rounded_parts_add_up_to_the_rounded_sum(opened):
    reader, _ = opened()
    rng = np.random.default_rng(0)
    for digits in (0, 1, 2, 3):
        cases = [*rng.normal(0, 3, (200, 3)).tolist(), [0.005, 0.005, 0.005], [0.5, -0.5, 0], [1e5, -1e5, 0.004]]
        rounded = reader.run(
            "return arguments[0].map((parts) => imgclf.shared.roundToSum(parts, arguments[1]))", cases, digits
        )
        for parts, found in zip(cases, rounded, strict=True):
            units = [round(value * 10**digits) for value in [*found["parts"], found["total"]]]
            assert sum(units[:3]) == units[3]
            assert abs(units[3] - sum(parts) * 10**digits) <= 0.5 + 1e-9
            assert max(abs(unit - part * 10**digits) for unit, part in zip(units, parts, strict=False)) <= 2.01


def test_the_readout_is_the_product_that_it_shows(opened):
    reader, _ = opened()
    reader.press("why-map", *[Keys.ARROW_DOWN] * 3, Keys.ARROW_LEFT)
    line = reader.text("why-terms")
    pixel, mean, weight, term = map(number, re.findall(rf"[{MINUS}+]?\d+\.\d+", line.replace(f" {MINUS} ", " ")))
    assert term == pytest.approx((pixel - mean) * weight, abs=0.5 * (0.011 * abs(weight) + 0.001) + 0.001)


# ---- Play


def test_a_moved_image_has_the_scores_that_the_model_gives_it(opened):
    reader, run = opened(address="#image=3&move=2,-3&mirror=1")
    k = reader.run("return imgclf.data.val.index.indexOf(3)")
    image = run.shown.pixels([3])
    assert k >= 0
    expected = scores_of(run, moved(image[:, :, ::-1], 2, -3))[0]
    assert reader.run("return [...imgclf.play.view().scores]") == pytest.approx(expected.tolist(), abs=1e-4)


def test_what_is_rubbed_out_says_nothing(opened):
    reader, _ = opened()
    reader.run("imgclf.play.rubOut([200, 201, 202])")
    terms = reader.run("return [...imgclf.why.seen().evidence.terms]")
    assert np.abs(terms[200:203]).max() < 1e-12
    assert np.abs(terms[203:210]).max() > 0


def test_a_file_is_opened_and_called_approximate(opened, tmp_path):
    reader, run = opened()
    assert not reader.find("play-approximate").is_displayed()
    image = run.shown.pixels([5])[0, :, :, 0]
    Image.fromarray(image).save(tmp_path / "mine.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    reader.find("play-file").send_keys(str(tmp_path / "mine.png"))
    WebDriverWait(reader.driver, 20).until(lambda _: reader.find("play-approximate").is_displayed())
    assert "The file mine.png (approximate)" in reader.text("play-seen")
    assert np.abs(np.array(reader.run("return [...imgclf.play.view().pixels]")) - image.reshape(-1)).max() <= 2
    reader.find("play-file").send_keys(str(tmp_path / "broken.png"))
    WebDriverWait(reader.driver, 20).until(lambda _: "cannot read" in reader.text("play-seen"))


def test_question_1_is_about_an_image_that_changes_its_name_there_and_not_before(opened):
    reader, run = opened(*A_SAMPLE)
    reader.find("q1-take").click()
    example = reader.run("return imgclf.question1.example()")
    position = reader.run("return imgclf.data.val.index[arguments[0]]", example["k"])
    image = run.shown.pixels([position])
    assert example["pixels"] > 1
    down, right = example["step"]
    called = [int(scores_of(run, moved(image, by * down, by * right)).argmax()) for by in range(example["pixels"] + 1)]
    assert called == [example["from"]] * example["pixels"] + [example["to"]]
    assert run.shown.y_of([position]) == example["from"]
    Select(reader.find("q1-guess")).select_by_value("0")
    key = {(1, 0): Keys.ARROW_DOWN, (-1, 0): Keys.ARROW_UP, (0, 1): Keys.ARROW_RIGHT, (0, -1): Keys.ARROW_LEFT}[
        down, right
    ]
    for _ in range(example["pixels"] - 1):
        reader.press("play-canvas", key)
    assert "appears when" in reader.text("q1-answer")
    reader.press("play-canvas", key)
    names = run.model.class_names
    assert f"becomes {names[example['to']]}" in reader.text("q1-answer")
    assert f"You said {names[0]}" in reader.text("q1-answer")


def test_question_2_counts_the_strongest_pixels_until_the_name_changes(opened):
    reader, run = opened()
    position = reader.run("return imgclf.data.val.index[imgclf.play.view().origin.k]")
    pixels = run.shown.pixels([position]).reshape(-1).astype(np.float64)
    W, b = run.model.weights[:-1].astype(np.float64), run.model.weights[-1].astype(np.float64)
    mean = run.model.preprocess.mean.astype(np.float64)
    x = pixels / 255 - mean
    order = np.argsort(-(x @ W + b), kind="stable")
    first, count = order[0], 0
    while order[0] == first:
        x[np.argmax(x * (W[:, order[0]] - W[:, order[1]]))] = 0
        order = np.argsort(-(x @ W + b), kind="stable")
        count += 1
    while "appears when" in reader.text("q2-answer"):
        reader.find("q2-ten").click()
    assert reader.text("q2-answer").startswith(f"After {count} pixel")
    assert run.model.class_names[order[0]] in reader.text("q2-answer")


# ---- The hill, and one step


def test_question_4_names_the_smallest_step_size_that_leaves_the_valley(opened):
    reader, _ = opened(address="#ball=900")
    reader.visit("hill")
    assert "appears when" in reader.text("q4-answer")
    reader.find("hill-run").click()
    size = float(re.search(r"about (\S+) on", reader.text("q4-answer"))[1])
    leaves = """
        const {core, data} = imgclf, {start} = data.about.hill;
        let at = [...start];
        for (let k = 0; k < 50; k++) {
            at = at.map((value, j) => value - arguments[0] * core.surface(data.hill, ...at).grad[j]);
            if (!(core.surface(data.hill, ...at).loss <= core.surface(data.hill, ...start).loss)) return true;
        }
        return false;
    """
    assert reader.run(leaves, 1.03 * size)
    assert not reader.run(leaves, 0.97 * size)


def test_the_truth_beside_first_order_is_the_objective_after_the_step(opened):
    reader, _ = opened(*STANDARDIZED, address="#size=0.01&from=trained")
    reader.visit("onestep")
    loss, slope, truth = reader.run("""
        const {core, data, onestep} = imgclf, {about, train} = data;
        const options = {loss: about.loss, l2: about.l2, l1: about.l1, classWeights: about.class_weights};
        const X = core.preprocessAll(train.pixels, data, data.W.length / data.b.length);
        const W = Float64Array.from(data.W), b = Float64Array.from(data.b);
        const now = core.objective(X, train.y, W, b, options);
        const to = (w, g) => w.map((value, k) => value - 0.01 * g[k]);
        const after = core.objective(X, train.y, to(W, now.dW), to(b, now.db), options);
        const slope = [...now.dW, ...now.db].reduce((sum, g) => sum + g * g, 0);
        return [now.loss, slope, after.loss];
    """)
    assert number(reader.text("onestep-loss")) == pytest.approx(loss, abs=5.1e-5)
    assert number(reader.text("onestep-promised")) == pytest.approx(loss - 0.01 * slope, abs=5.1e-5)
    assert number(reader.text("onestep-truth")) == pytest.approx(truth, abs=5.1e-5)


def test_a_step_ends_where_the_page_said_it_would(opened):
    reader, _ = opened(address="#size=0.5")
    reader.visit("onestep")
    promised = reader.text("onestep-truth")
    reader.find("onestep-one").click()
    assert reader.text("onestep-loss") == promised


def test_question_5_names_the_longest_step_that_goes_down(opened):
    reader, _ = opened(address="#size=0.5")
    reader.visit("onestep")
    longest = reader.run("return imgclf.onestep.longest()")
    reader.find("q5-here").click()
    assert f"{longest:.3g}" in reader.text("q5-answer")
    losses = reader.run(
        """
        const {core, onestep, data} = imgclf, {W, b, seen} = onestep.now(), {train, about} = data;
        const X = core.preprocessAll(train.pixels, data, W.length / b.length);
        const to = (w, g, s) => w.map((value, k) => value - s * g[k]);
        return [0, 0.999, 1.001].map((share) => share * arguments[0]).map((s) =>
            core.objective(X, train.y, to(W, seen.dW, s), to(b, seen.db, s), {loss: about.loss, l2: about.l2}).loss);
    """,
        longest,
    )
    assert losses[1] < losses[0] < losses[2]


# ---- What it learned, and how


def test_the_sliders_of_templates_and_curves_are_one(opened):
    reader, _ = opened(*A_SAMPLE)
    reader.visit("learned")
    steps = reader.run("return imgclf.how.steps().list")
    reader.press("learned-slider", Keys.END, Keys.ARROW_LEFT)
    assert f"step {steps[-2]} of {steps[-1]}" in reader.text("how-now")
    reader.press("how-slider", Keys.HOME)
    assert "step 0 of" in reader.text("learned-now")
    assert [reader.find(f"{name}-slider").get_attribute("value") for name in ("learned", "how")] == ["0", "0"]
    assert "no epoch had ended" in reader.text("how-seen")
    reader.find("q3-here").click()
    assert "You said step 0" in reader.text("q3-answer")


# ---- Mistakes


def test_a_cell_opens_the_images_of_its_true_and_predicted_class(opened):
    reader, run = opened(*A_SAMPLE)
    reader.visit("mistakes")
    shown = reader.run("return [...imgclf.data.val.index]")
    called = scores_of(run, run.shown.pixels(np.array(shown))).argmax(axis=1)
    true = run.shown.y_of(np.array(shown))
    assert len(shown) < run.seen.n
    cells = reader.run("""
        return [...document.querySelectorAll("#mistakes-matrix button")].map((button) => {
          button.click();
          const images = [...document.querySelectorAll("#mistakes-images button")];
          const count = document.getElementById("mistakes-count").textContent;
          return [button.dataset.cell.split(",").map(Number), images.map((one) => Number(one.dataset.position)), count];
        });
    """)
    assert len(cells) > 10
    for (t, p), images, words in cells:
        assert set(images) == {at for at, c, y in zip(shown, called, true, strict=True) if (y, c) == (t, p)}
        assert words.startswith(f"{len(images)} of {run.seen.confusion[t, p]} image")


def test_an_image_of_a_cell_is_sent_to_play(opened):
    reader, run = opened(*A_SAMPLE)
    reader.visit("mistakes")
    first = reader.all("#mistakes-images button")[0]
    position = int(first.get_attribute("data-position"))
    first.click()
    assert reader.run("return imgclf.state.get('image')") == position
    pixels = reader.run("return [...imgclf.play.view().pixels]")
    assert pixels == run.shown.pixels([position]).reshape(-1).tolist()
    assert reader.run("return document.activeElement.id") == "play-canvas"


def test_the_class_table_sorts_both_ways(opened):
    reader, run = opened()
    reader.visit("mistakes")
    recalls = [one.recall for one in run.seen.per_class()]
    for direction in ("descending", "ascending"):
        reader.run("document.querySelector('#classes-recall button').click()")
        cells = reader.all("#classes-body td:nth-child(3)")
        values = [number(cell.text.split("\N{NARROW NO-BREAK SPACE}")[0]) for cell in cells]
        assert values == sorted((round(100 * recall, 1) for recall in recalls), reverse=direction == "descending")
        assert reader.find("classes-recall").get_attribute("aria-sort") == direction


# ---- The address


ADDRESS = (
    "#image=7&move=1,-2&invert=1&show=second&against=ink&step=1&optimizer=adam&ball=0.5&from=trained&size=0.25&cell=2,2"
)


def test_an_address_restores_what_it_says(opened):
    reader, run = opened(address=ADDRESS)
    reader.visit_all()
    image = moved(255 - run.shown.pixels([7]), 1, -2)
    assert reader.run("return [...imgclf.play.view().pixels]") == image.reshape(-1).tolist()
    checked = {one.get_attribute("id") for one in reader.all("input[type=radio]:checked")}
    assert {"show-second", "against-ink", "from-trained"} <= checked
    assert "step 1 of" in reader.text("learned-now")
    assert Select(reader.find("hill-optimizer")).first_selected_option.text == "adam"
    assert reader.text("hill-size-now") == "0.5"
    assert reader.text("onestep-size-now") == "0.25"
    assert reader.all("#mistakes-matrix button[aria-pressed=true]")[0].get_attribute("data-cell") == "2,2"


def test_the_address_follows_what_one_does(opened):
    reader, _ = opened()
    reader.press("play-canvas", Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    reader.find("play-mirror").click()
    script = "setTimeout(() => arguments[arguments.length - 1](location.hash), 600)"
    assert sorted(reader.driver.execute_async_script(script)[1:].split("&")) == ["mirror=1", "move=2,-1"]


NONSENSE = (
    *(
        "#image=-1",
        "#image=1e3",
        "#move=1",
        "#move=a,b",
        "#size=0",
        "#size=-1",
        "#size=1e999",
        "#size=NaN",
        "#show=all",
    ),
    *("#x=1", "#__proto__=1", "#constructor=1", "#at=<script>", "#=", "#&&&", "#image", "#cell=1,2,3", "#%00=%ff"),
)


def test_what_an_address_cannot_say_is_passed_over(opened):
    reader, _ = opened(address="#" + "&".join(address[1:] for address in NONSENSE))
    assert reader.text("play-seen").startswith("Image")
    for address in NONSENSE:
        assert reader.run("return imgclf.parseHash(arguments[0])", address) == {}, address


def test_places_that_are_not_there_are_passed_over(opened):
    reader, _ = opened(address="#image=999999&step=999999&cell=77,88")
    reader.visit_all()
    assert reader.text("play-seen").startswith("Image")
    assert reader.text("mistakes-count")
