// One step: the gradient on the training images in this page, what it promises, and what a step does.
const onestep = (() => {
  const { $, element } = shared;
  const { state } = address;
  const MANY = 20; // steps

  let data, X, y, options;
  let now = null; // {W, b, seen: loss, accuracy, dW, db, slope: |gradient|^2, S, G: scores of W and of the gradient}
  let taken = 0;
  let range = 1; // of the slider: step sizes from 0
  let curve = []; // [step size, loss] of the chart
  let firstSize = 0.1;
  let canvases = [];

  const from = () => state.get("from", "zero");
  const size = () => state.get("size", firstSize);

  // ---- the mathematics -----------------------------------------------------------------------------------------

  function at(W, b) {
    const seen = core.objective(X, y, W, b, options);
    const slope = [seen.dW, seen.db].reduce((sum, part) => part.reduce((s, g) => s + g * g, sum), 0);
    const rows = (weights, bias) => Array.from(y, (_, i) => core.scores(X.subarray(i * D(), (i + 1) * D()), weights, bias));
    return { W, b, seen, slope, S: rows(W, b), G: rows(seen.dW, seen.db) };
  }

  const D = () => X.length / y.length;

  /** The loss and the accuracy after a step of that size: scores are linear in it, so no image is looked at again. */
  function after(step) {
    let [sum, right] = [0, 0];
    const s = new Float64Array(now.b.length);
    for (let i = 0; i < y.length; i++) {
      for (let c = 0; c < s.length; c++) s[c] = now.S[i][c] - step * now.G[i][c];
      sum += (options.classWeights ? options.classWeights[y[i]] : 1) * core.LOSSES[options.loss](s, y[i]).loss;
      right += core.best(s) === y[i];
    }
    return { loss: sum / y.length + penalty(step), accuracy: right / y.length };
  }

  function penalty(step) {
    const { l2, l1 } = options;
    if (!l2 && !l1) return 0;
    let sum = 0;
    for (let k = 0; k < now.W.length; k++) {
      const w = now.W[k] - step * now.seen.dW[k];
      sum += (l2 / 2) * w * w + l1 * Math.abs(w);
    }
    return sum;
  }

  /** Where the loss goes: a loss that is no number counts as above all others. */
  const goes = (loss) => (loss < now.seen.loss ? "down" : loss === now.seen.loss ? "nowhere" : "up");

  /** What the gradient promises: the loss along its tangent. */
  const firstOrder = (step) => now.seen.loss - step * now.slope;

  /** The longest step that does not go up: the loss is convex, so there is one end; null if it falls for ever. */
  function longest() {
    let far = 1e-6;
    while (after(far).loss <= now.seen.loss) {
      far *= 2;
      if (far > 1e9) return null;
    }
    let near = far / 2;
    if (far === 1e-6) near = 0;
    for (let k = 0; k < 40; k++) {
      const middle = (near + far) / 2;
      if (after(middle).loss <= now.seen.loss) near = middle;
      else far = middle;
    }
    return near;
  }

  function step(times) {
    for (let k = 0; k < times; k++) {
      const by = size();
      now = at(now.W.map((w, j) => w - by * now.seen.dW[j]), now.b.map((b, c) => b - by * now.seen.db[c]));
      taken++;
      if (!Number.isFinite(now.seen.loss)) break;
    }
    arrive();
    shared.say($("onestep-seen").textContent);
  }

  /** Show where the step begins now; the chart and the slider under it hold the whole valley, and the step. */
  function arrive() {
    range = Number(Math.max(2 * (longest() || 1), 1.25 * state.get("size", 0)).toPrecision(2));
    curve = Array.from({ length: 61 }, (_, k) => (range * k) / 60).map((length) => [length, after(length).loss]);
    drawTemplates();
    refresh();
  }

  function startOver() {
    const [W, b] = from() === "trained" ? [data.W, data.b] : [new Float64Array(data.W.length), new Float64Array(data.b.length)];
    now = at(Float64Array.from(W), Float64Array.from(b));
    taken = 0;
    shared.choose("from", from());
    arrive();
  }

  // ---- what is seen --------------------------------------------------------------------------------------------

  function refresh() {
    const { seen } = now;
    const by = size();
    const [promised, truth] = [firstOrder(by), after(by)];
    $("onestep-size").value = (1000 * by) / range;
    $("onestep-size").setAttribute("aria-valuetext", shared.compact(by));
    $("onestep-size-now").textContent = shared.compact(by);
    $("onestep-loss").textContent = shared.fixed(seen.loss, 4);
    $("onestep-accuracy").textContent = shared.percent(seen.accuracy);
    $("onestep-norm").textContent = shared.compact(Math.sqrt(now.slope));
    $("onestep-promised").textContent = shared.fixed(promised, 4);
    $("onestep-truth").textContent = shared.fixed(truth.loss, 4);
    $("onestep-after").textContent = shared.percent(truth.accuracy);
    const verdict = { up: "The step is too long: it goes up.", down: "It goes down.", nowhere: "It stays where it is." }[goes(truth.loss)];
    const text = `${taken ? `After ${shared.plural(taken, "step")}` : from() === "zero" ? "At W = 0" : "At the trained weights"} the loss is ` +
      `${shared.fixed(seen.loss, 4)}. For a step of ${shared.compact(by)} the gradient promises ${shared.fixed(promised, 4)}; ` +
      `it becomes ${shared.fixed(truth.loss, 4)}. ${verdict}`;
    $("onestep-seen").textContent = text;
    $("onestep-chart").setAttribute("aria-label", `The loss along the direction of the step. ${text}`);
    draw();
  }

  function drawTemplates() {
    const { image, labels: classes } = data.about;
    if (!canvases.length) return;
    let largest = 0;
    for (const g of now.seen.dW) largest = Math.max(largest, Math.abs(g));
    canvases.forEach((canvas, c) => {
      const template = Float64Array.from({ length: D() }, (_, d) => -now.seen.dW[d * classes.length + c]);
      paint.drawTemplate(canvas, template, image, largest || 1);
      canvas.setAttribute("aria-label", `What the step adds to the template of ${classes[c]}`);
    });
  }

  function draw() {
    const { context, width, height } = paint.sharpContext($("onestep-chart"));
    const start = now.seen.loss;
    const least = Math.min(...curve.map(([, loss]) => loss), start);
    const room = Math.max(start - least, 1e-9);
    const [bottom, top] = [least - 0.5 * room, start + 0.7 * room];
    const x = (s) => (s / range) * width;
    const h = (loss) => height * (1 - (loss - bottom) / (top - bottom));
    const [ink, muted, blue, red] = ["ink", "muted", "against", "for"].map((name) => paint.color(name));
    const place = ([s, loss]) => [x(s), h(loss)];
    const stroke = (pairs, color, thickness, dash) => paint.line(context, pairs.map(place), color, thickness, dash);
    const write = (text, s, loss, color, align = "left", lift = -8) =>
      paint.words(context, text, [x(s), h(loss) + lift], color, align);
    stroke([[0, start], [range, start]], paint.color("muted", 0.6), 1, [2, 4]);
    stroke([[0, start], [range, firstOrder(range)]], blue, 1.5, [6, 4]);
    stroke(curve, ink, 2);
    const by = size();
    const truth = after(by).loss;
    stroke([[by, firstOrder(by)], [by, truth]], red, 1, [2, 2]);
    for (const [loss, color] of [[firstOrder(by), blue], [truth, red]]) paint.dot(context, place([by, loss]), 5, color);
    write("no change", range, start, muted, "right");
    const low = Math.max(bottom + 0.12 * room, Math.min(start, firstOrder(range)));
    const promisedAt = Math.min(range, (start - low) / (now.slope || 1));
    write("the gradient\u2019s promise", promisedAt, low, blue, promisedAt > 0.6 * range ? "right" : "left", 0);
    write("the loss", 0.45 * range, after(0.45 * range).loss, ink, "left", 20);
  }

  function makeCanvases() {
    const { image, labels: classes } = data.about;
    const grid = $("onestep-grid");
    if (!grid) return;
    canvases = classes.map((name) => {
      const canvas = element("canvas", { role: "img", width: image.width, height: image.height });
      grid.append(element("figure", {}, canvas, element("figcaption", { textContent: name })));
      return canvas;
    });
    grid.classList.toggle("many", classes.length > 20);
  }

  // ---- Question 5: the longest step that still goes down -------------------------------------------------------

  function answerQuestion5() {
    const end = longest();
    const truth = after(size()).loss;
    const yours = `Yours, ${shared.compact(size())}, ends at ${shared.fixed(truth, 4)}: it goes ${goes(truth)}. `;
    shared.question("q5").reveal(yours + (end === null
      ? "From here the loss falls for ever in this direction: no step is too long."
      : end === 0 ? "From here no step goes down: this is the bottom of the valley." : `The longest step that still goes down is ${shared.compact(end)}; beyond it, the other side of the valley is higher.`));
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function start(loaded) {
    data = loaded;
    const { about, train } = data;
    y = train.y;
    X = core.preprocessAll(train.pixels, data, data.W.length / data.b.length);
    options = { loss: about.loss, l2: about.l2, l1: about.l1, classWeights: about.class_weights };
    makeCanvases();
    $("onestep-size").addEventListener("input", (event) => {
      state.set({ size: Number(((range * Number(event.target.value)) / 1000).toPrecision(3)) || null });
    });
    $("onestep-one").addEventListener("click", () => step(1));
    $("onestep-many").addEventListener("click", () => step(MANY));
    $("onestep-again").addEventListener("click", startOver);
    $("q5-here").addEventListener("click", answerQuestion5);
    shared.onChoice("from", (value) => state.set({ from: value === "zero" ? null : value }));
    state.watch(["from"], startOver);
    state.watch(["size"], refresh);
    paint.themeChanged.watch(() => { drawTemplates(); draw(); });
    startOver();
    firstSize = Number((range / 40).toPrecision(2)); // short enough for first order to come near the truth
    refresh();
    new ResizeObserver(draw).observe($("onestep-chart"));
  }

  return { start, now: () => now, taken: () => taken, longest };
})();
