// The hill: the loss on the plane through the first and the last weights, in words and under the pointer.
const hill = (() => {
  const { $ } = shared;
  const { state } = address;

  let data, about; // about: the hill
  let pointer = null; // [a, b], or null

  const lossAt = ([a, b]) => core.surface(data.hill, a, b).loss;

  function draw() {
    terrain.draw($("hill-canvas"), how.steps().now(), ball.now()?.trail, pointer);
  }

  // ---- what is under the pointer -------------------------------------------------------------------------------

  function pointTo(at) {
    pointer = terrain.inside(at);
    fillPointer();
    draw();
  }

  function fillPointer() {
    const where = pointer ? "Under the pointer" : "At the end of the path";
    $("hill-pointer").textContent = `${where}: loss ${shared.fixed(lossAt(pointer ?? about.end), 4)}`;
  }

  // ---- the path ------------------------------------------------------------------------------------------------

  /** What the path says about a step, for the templates. */
  function wordsAt(step) {
    const path = data.about.hill?.path;
    if (!path) return "the slider is shared with the curves below.";
    const k = shared.nearest(path.steps, step);
    const subject = "the loss of the training images in this page";
    const way = shared.went(path.loss[0], path.loss.at(-1), 3);
    return k === path.steps.length - 1 ? `${subject} ${way}.` : `${subject} is ${shared.fixed(path.loss[k], 3)}; from start to end it ${way}.`;
  }

  function fillPath() {
    const { path, inside, kept_loss: keptLoss } = about;
    const k = shared.nearest(path.steps, how.steps().now());
    const share = Number.isFinite(inside) ? `${shared.percent(inside)} of the path\u2019s movement lies in this plane. ` : "";
    const kept = about.kept ? ` The model is the one that early stopping kept (\u201ckept\u201d): its loss is ${shared.fixed(keptLoss, 3)}, ` +
      `that of the end of the path (\u201cend\u201d) ${shared.fixed(path.loss.at(-1), 3)}.` : "";
    $("hill-seen").textContent = `${share}After step ${shared.whole(path.steps[k])} the loss is ` +
      `${shared.fixed(path.loss[k], 3)} on the path and ${shared.fixed(path.loss_on_plane[k], 3)} at its shadow in the plane.${kept}`;
  }

  function fillBall() {
    const text = ball.describe();
    $("hill-ball").textContent = text;
    shared.say(text);
    $("hill-canvas").setAttribute("aria-label",
      `The loss over a plane of weights, from ${shared.compact(terrain.lowest())} to ${shared.compact(terrain.highest())}. ${text}`);
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function prepare(loaded) {
    data = loaded;
    about = data.about.hill;
  }

  function start() {
    const canvas = $("hill-canvas");
    terrain.start(about);
    canvas.addEventListener("pointermove", (event) => pointTo(terrain.pointAt(event, canvas)));
    canvas.addEventListener("pointerleave", () => { pointer = null; fillPointer(); draw(); });
    canvas.addEventListener("click", (event) => ball.drop(terrain.pointAt(event, canvas)));
    shared.onArrows(canvas, ([down, right]) => {
      const [[a, b], [unitA, unitB]] = [pointer ?? about.end, terrain.unit()];
      pointTo([a + right * unitA, b - down * unitB]);
      shared.say($("hill-pointer").textContent);
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      ball.drop(pointer ?? about.end);
    });
    ball.watch(() => { fillBall(); draw(); });
    state.watch(["step"], () => { fillPath(); draw(); });
    paint.themeChanged.watch(draw);
    new ResizeObserver(draw).observe(canvas);
    fillPointer();
    fillPath();
    ball.prepare(data);
  }

  return { prepare, start, wordsAt, leaves: ball.leaves, ball: ball.now };
})();
