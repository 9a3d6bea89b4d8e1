"""What the page says: which way a number went, which model it shows, and what it lacks."""

import pytest
from selenium.webdriver.common.keys import Keys

from browser.page import SMALL, about_and_arrays, with_about
from browser.reader import PHONE
from browser.test_kinds import diverged, write_page

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def opened(reader, page_of):
    return reader.open(page_of(*SMALL)[0])


def test_the_title_says_which_run_and_how_good(opened, page_of):
    run = page_of(*SMALL)[1]
    share = f"{100 * run.seen.accuracy:.1f}\N{NARROW NO-BREAK SPACE}%"
    assert opened.driver.title == f"run, softmax: {share} of 600 validation images (imgclf)"


WENT = {
    (2.3, 0.3): "fell from 2.300 to 0.300",
    (2.3, 7.0): "rose from 2.300 to 7.000",
    (2.3, 2.3001): "stayed at 2.300",
    (-1, -2): f"fell from {MINUS}1.000 to {MINUS}2.000",
    (9, 2e72): "rose from 9.000 to 2.00e+72",
    (9, None): "rose from 9.000 to no finite number",  # an infinite loss in JSON
}


def test_a_number_is_said_to_have_gone_where_it_went(opened):
    found = opened.run("return arguments[0].map((ends) => imgclf.shared.went(...ends, 3))", list(WENT))
    assert found == list(WENT.values())


def test_a_loss_that_rose_is_said_to_have_risen(opened):
    opened.visit("learned").run("imgclf.data.about.hill.path.loss.reverse(); imgclf.state.set({step: 1})")
    assert "from start to end it rose from" in opened.text("learned-seen")
    opened.run("imgclf.state.set({step: null})")
    assert "in this page rose from" in opened.text("learned-seen")
    assert "fell" not in opened.text("learned-seen")


def test_a_step_is_said_to_go_where_it_goes(reader, page_of):
    reader.open(page_of(*SMALL)[0], address="#size=0.01").visit("onestep")
    assert reader.text("onestep-seen").endswith("It goes down.")
    reader.run("imgclf.state.set({size: 900})")
    assert reader.text("onestep-seen").endswith("The step is too long: it goes up.")
    reader.run("""
        const {seen, G} = imgclf.onestep.now();
        for (const part of [seen.dW, seen.db, ...G]) part.fill(0);
        imgclf.state.set({size: 0.2});
    """)
    assert reader.text("onestep-seen").endswith("It stays where it is.")


@pytest.mark.parametrize(("share", "answer"), [(0, "no few of them"), (1, "a few large terms carry it")])
def test_question_2_says_few_only_of_few(opened, share, answer):
    """All pixels of the first class weigh as much as the others together, or one of them as much as all."""
    opened.run(
        """
        const {data, play} = imgclf, {order} = play.view(), C = data.b.length;
        data.W.fill(0);
        data.b.fill(0);
        data.b[order[1]] = arguments[0] ? 1e-3 : 1e-6;
        for (let d = 0; d < 784; d++) if (!arguments[0] || d === 400) data.W[d * C + order[0]] = 1e-2;
        data.val.pixels.fill(255);
        play.show(data.val.index[play.view().origin.k]);
    """,
        share,
    )
    opened.run("for (let k = 0; k < 79; k++) document.getElementById('q2-ten').click()")
    assert answer in opened.text("q2-answer")


def test_a_single_loss_is_told_in_a_sentence(reader, tmp_path):
    reader.open(write_page(diverged(tmp_path), tmp_path / "report.html"), size=PHONE).visit_all()
    assert "Only one value was measured: 9, at step 0." in reader.text("how-charts")
    assert reader.all("#how-charts svg") == []
    assert reader.driver.title == "run, svm_squared: diverged (imgclf)"


# ---- Early stopping


@pytest.fixture
def kept(reader, page_of, tmp_path):
    """The page of a run that kept the weights after the first of its three epochs, its steps and their losses."""
    page, _ = page_of(*SMALL)
    about, _ = about_and_arrays(page)
    path, step = about["hill"]["path"], int(about["epochs"]["step"][0])
    k = path["steps"].index(step)

    def change(about):
        about["kept_epoch"] = 1.0
        about["hill"] |= {"kept": [path["a"][k], path["b"][k]], "kept_loss": path["loss"][k]}

    reader.open(with_about(page, change, tmp_path / "kept.html"))
    return step, path["loss"][k], path["loss"][-1]


def test_the_sliders_begin_at_the_model_that_was_kept_and_say_so(reader, kept):
    step, *_ = kept
    reader.visit("learned")
    for name in ("learned-now", "how-now"):
        assert reader.text(name).startswith(f"After step {step} of ")
        assert reader.text(name).endswith(": the model, kept by early stopping")
    assert "the weights of the model, which early stopping kept" in reader.text("learned-seen")
    reader.press("learned-slider", Keys.END)
    assert "kept" not in reader.text("learned-now")
    assert f"not the model, which early stopping kept after step {step}" in reader.text("learned-seen")


def test_the_hill_tells_the_model_that_was_kept_from_the_end_of_the_path(reader, kept):
    _, loss, end = kept
    reader.visit("hill")
    assert (
        f"(\u201ckept\u201d): its loss is {loss:.3f}, that of the end of the path (\u201cend\u201d) {end:.3f}"
        in reader.text("hill-seen")
    )
    picture = "return document.getElementById('hill-canvas').toDataURL()"
    drawn = reader.run(picture)
    reader.run("imgclf.data.about.hill.kept = null; imgclf.state.set({step: 0}); imgclf.state.set({step: null})")
    assert "early stopping" not in reader.text("hill-seen")
    assert reader.run(picture) != drawn


def test_without_early_stopping_the_sliders_begin_at_the_end(opened):
    opened.visit("hill")
    step = opened.run("return imgclf.how.steps().list.at(-1)")
    assert opened.text("how-now").startswith(f"After step {step} of {step}")
    assert "kept" not in opened.text("how-now") + opened.text("hill-seen")
