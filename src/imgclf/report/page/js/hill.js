// The hill: the loss on the plane through the first and the last weights, the path across it, and a ball.
const hill = (() => {
  const { $, state } = shared;

  const FINER = 6; // points drawn for each step of the grid
  const CONTOURS = 14;
  const RUN = 50; // steps

  let data, about; // about: the hill
  let surface = null; // the grid, finer
  let pointer = null; // [a, b], or null
  let ball = null; // {at: [a, b], trail, optimizer, optimizerState, losses, left}
  let frame = 0;

  const optimizerName = () => state.get("optimizer", "sgd");
  const stepSize = () => state.get("ball", 0.1);

  const lossAndGrad = ([a, b]) => core.surface(data.hill, a, b);

  // ---- the picture ---------------------------------------------------------------------------------------------

  /** Fill in a grid by cubics through its points (Catmull and Rom 1974): rows, then columns. */
  function finer(rows) {
    const along = (line) => {
      const out = [];
      const last = line.length - 1;
      const at = (k) => (k < 0 ? 2 * line[0] - line[1] : k > last ? 2 * line[last] - line[last - 1] : line[k]);
      for (let k = 0; k < line.length - 1; k++) {
        const [p, q, r, s] = [at(k - 1), at(k), at(k + 1), at(k + 2)];
        for (let j = 0; j < FINER; j++) {
          const t = j / FINER;
          out.push(q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p))));
        }
      }
      return [...out, line.at(-1)];
    };
    const transposed = (grid) => grid[0].map((_, k) => grid.map((line) => line[k]));
    return transposed(transposed(rows.map(along)).map(along));
  }

  function makeSurface() {
    const loss = finer(about.loss); // loss[i][j]: i counts b, j counts a
    const flat = loss.flat();
    surface = { loss, least: Math.min(...flat), most: Math.max(...flat) };
  }

  /** How high a loss is drawn, 0 to 1: the root, for a valley is flat and its walls are steep. */
  const height = (loss) => Math.sqrt(Math.max(0, loss - surface.least) / (surface.most - surface.least || 1));

  const range = (values) => [values[0], values.at(-1)];
  const share = (value, [from, to]) => (value - from) / (to - from || 1);

  /** The place of (a, b) on the canvas: a to the right, b up. */
  function place([a, b], width, tall) {
    return [share(a, range(about.a)) * width, (1 - share(b, range(about.b))) * tall];
  }

  function draw() {
    if (!surface) return;
    const canvas = $("hill-canvas");
    const { context, width, height: tall } = shared.sharpContext(canvas);
    drawHeat(context, width, tall);
    drawContours(context, width, tall);
    drawPath(context, width, tall);
    drawBall(context, width, tall);
    if (pointer) drawPointer(context, width, tall);
  }

  function drawHeat(context, width, tall) {
    const { loss } = surface;
    const [rows, columns] = [loss.length, loss[0].length];
    const heat = document.createElement("canvas");
    heat.width = columns;
    heat.height = rows;
    const image = new ImageData(columns, rows);
    const [low, high] = [shared.color("low"), shared.color("high")];
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const rgb = shared.mix(low, high, height(loss[rows - 1 - row][column]));
        for (let k = 0; k < 3; k++) image.data[at++] = rgb[k];
        image.data[at++] = 255;
      }
    }
    heat.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(heat, 0, 0, width, tall);
  }

  /** Lines of equal loss, by marching squares (Lorensen and Cline 1987, in two dimensions). */
  function drawContours(context, width, tall) {
    const { loss } = surface;
    const [rows, columns] = [loss.length - 1, loss[0].length - 1];
    context.strokeStyle = shared.css(shared.color("ink"), 0.28);
    context.lineWidth = 1;
    for (let k = 1; k < CONTOURS; k++) {
      const level = surface.least + (surface.most - surface.least) * (k / CONTOURS) ** 2;
      context.beginPath();
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const ends = crossingsOf(level, i, j, loss).map(([up, right]) => [(right / columns) * width, (1 - up / rows) * tall]);
          for (let end = 0; end + 1 < ends.length; end += 2) {
            context.moveTo(...ends[end]);
            context.lineTo(...ends[end + 1]);
          }
        }
      }
      context.stroke();
    }
  }

  const EDGES = [[[0, 0], [1, 0]], [[1, 0], [1, 1]], [[1, 1], [0, 1]], [[0, 1], [0, 0]]];
  function crossingsOf(level, i, j, loss) {
    const found = [];
    for (const [[i0, j0], [i1, j1]] of EDGES) {
      const [from, to] = [loss[i + i0][j + j0], loss[i + i1][j + j1]];
      if (from < level === to < level) continue;
      const t = (level - from) / (to - from);
      found.push([i + i0 + t * (i1 - i0), j + j0 + t * (j1 - j0)]);
    }
    return found;
  }

  function line(context, points, color, thickness) {
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.lineJoin = "round";
    context.stroke();
  }

  function dot(context, [x, y], radius, fill, ring) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    if (ring) {
      context.strokeStyle = ring;
      context.lineWidth = 2;
      context.stroke();
    }
  }

  function drawPath(context, width, tall) {
    const { path } = about;
    const [ink, paper] = [shared.css(shared.color("ink")), shared.css(shared.color("paper"))];
    const points = path.a.map((a, k) => place([a, path.b[k]], width, tall));
    line(context, points, paper, 5);
    line(context, points, ink, 2);
    for (const point of points) dot(context, point, 2.5, ink);
    label(context, points[0], "start", width);
    label(context, points.at(-1), "end", width);
    dot(context, points[0], 4, paper, ink);
    dot(context, points.at(-1), 4, ink, paper);
    const now = points[shared.nearest(path.steps, shownStep())];
    if (shownStep() !== path.steps.at(-1)) dot(context, now, 6, ink, paper);
  }

  function label(context, [x, y], text, width) {
    const left = x > width - 60;
    context.textAlign = left ? "right" : "left";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = shared.css(shared.color("paper"), 0.9);
    context.fillStyle = shared.css(shared.color("ink"));
    const place = [x + (left ? -9 : 9), y < 20 ? y + 18 : y - 8];
    context.strokeText(text, ...place);
    context.fillText(text, ...place);
  }

  function drawBall(context, width, tall) {
    if (!ball) return;
    const [color, paper] = [shared.css(shared.color("for")), shared.css(shared.color("paper"))];
    const points = ball.trail.map((at) => place(at, width, tall));
    line(context, points, color, 1.5);
    for (const point of points) dot(context, point, 2, color);
    dot(context, points.at(-1), 7, color, paper);
  }

  function drawPointer(context, width, tall) {
    const [x, y] = place(pointer, width, tall);
    const ink = shared.css(shared.color("ink"));
    line(context, [[x - 7, y], [x + 7, y]], ink, 1);
    line(context, [[x, y - 7], [x, y + 7]], ink, 1);
  }

  // ---- what is under the pointer -------------------------------------------------------------------------------

  function pointTo(at) {
    const within = (value, [from, to]) => Math.max(from, Math.min(to, value));
    pointer = [within(at[0], range(about.a)), within(at[1], range(about.b))];
    fillPointer();
    draw();
  }

  function fillPointer() {
    const at = pointer ?? about.end;
    $("hill-pointer").textContent =
      `${pointer ? "Under the pointer" : "At the end of the path"}: loss ${shared.fixed(lossAndGrad(at).loss, 4)}`;
  }

  function pointOf(event) {
    const box = $("hill-canvas").getBoundingClientRect();
    const [a0, a1] = range(about.a);
    const [b0, b1] = range(about.b);
    return [
      a0 + ((event.clientX - box.left) / box.width) * (a1 - a0),
      b1 - ((event.clientY - box.top) / box.height) * (b1 - b0),
    ];
  }

  // ---- the path ------------------------------------------------------------------------------------------------

  function shownStep() {
    const { list, at } = how.steps();
    return list[at()];
  }

  /** What the path says about a step, for this section and for the templates. */
  function lossAt(step) {
    const path = data.about.hill?.path;
    if (!path) return "the slider is shared with the curves below.";
    const k = shared.nearest(path.steps, step);
    const [here, start, end] = [path.loss[k], path.loss[0], path.loss.at(-1)].map((loss) => shared.fixed(loss, 3));
    return k === path.steps.length - 1
      ? `the loss of the training images in this page fell from ${start} to ${end}.`
      : `the loss of the training images in this page is ${here}, on its way from ${start} to ${end}.`;
  }

  function fillPath() {
    const { path } = about;
    const k = shared.nearest(path.steps, shownStep());
    const inside = Number.isFinite(about.inside) ? `${shared.percent(about.inside)} of the path\u2019s movement lies in this plane. ` : "";
    $("hill-seen").textContent = `${inside}After step ${shared.whole(path.steps[k])} the loss is ` +
      `${shared.fixed(path.loss[k], 3)} on the path and ${shared.fixed(path.loss_on_plane[k], 3)} at its shadow in the plane.`;
  }

  // ---- the ball ------------------------------------------------------------------------------------------------

  function ballAt(at) {
    const optimizer = core.OPTIMIZERS[optimizerName()]();
    const { loss } = lossAndGrad(at);
    return { at: [...at], trail: [[...at]], start: loss, loss, steps: 0, optimizer, optimizerState: optimizer.init(2) };
  }

  function drop(at) {
    ball = ballAt(at);
    stop();
    fillBall();
    draw();
  }

  /** One step of a ball: against the direction, as long as the step size says. */
  function rolled(one, size) {
    const { grad } = lossAndGrad(one.at);
    const direction = one.optimizer.direction(Float64Array.from(grad), one.optimizerState);
    one.at = one.at.map((value, k) => value - size * direction[k]);
    one.steps++;
    one.loss = lossAndGrad(one.at).loss;
  }

  /** It has left the valley where the loss is above that of its start, or no number at all. */
  const hasLeft = (one) => !(one.loss <= one.start);

  function roll(times) {
    for (let k = 0; k < times && Number.isFinite(ball.loss) && ball.loss < 1e6 * (1 + ball.start); k++) {
      rolled(ball, stepSize());
      ball.trail.push([...ball.at]);
    }
    fillBall();
    draw();
    answerQuestion4();
  }

  function run() {
    if (frame) return stop();
    let left = RUN;
    if (shared.calm.matches) return roll(left);
    $("hill-run").textContent = "Stop";
    const tick = () => {
      roll(1);
      frame = --left > 0 && !Number.isNaN(ball.loss) ? requestAnimationFrame(tick) : stop();
    };
    frame = requestAnimationFrame(tick);
    return undefined;
  }

  function stop() {
    cancelAnimationFrame(frame);
    $("hill-run").textContent = `Run ${RUN} steps`;
    frame = 0;
    return 0;
  }

  function fillBall() {
    const outside = place(ball.at, 1, 1).some((value) => !(value >= 0 && value <= 1)) ? ", outside the picture" : "";
    const left = hasLeft(ball) ? " It has left the valley." : "";
    const text = `Ball after ${shared.plural(ball.steps, "step")}: loss ${shared.compact(ball.loss)}${outside}, from ${shared.compact(ball.start)}.${left}`;
    $("hill-ball").textContent = text;
    shared.say(text);
    $("hill-canvas").setAttribute("aria-label",
      `The loss over a plane of weights, from ${shared.compact(surface.least)} in the valley to ${shared.compact(surface.most)}. ${text}`);
  }

  // ---- Question 4: at which step size does the ball leave the valley? ------------------------------------------

  /** Whether a ball leaves the valley within a run from the start of the path. */
  function leaves(size) {
    const one = ballAt(about.start);
    for (let k = 0; k < RUN; k++) {
      rolled(one, size);
      if (hasLeft(one)) return true;
    }
    return false;
  }

  const [SLOWEST, FASTEST] = [-4, 3]; // powers of ten of the slider
  const sizeAt = (position) => Number((10 ** position).toPrecision(2));

  /** The smallest step size with which the ball leaves, by halving the room between one that stays and one that leaves. */
  function leavingSize() {
    if (!leaves(10 ** FASTEST)) return null;
    let [stays, goes] = [SLOWEST, FASTEST];
    while (goes - stays > 0.005) {
      const middle = (stays + goes) / 2;
      if (leaves(10 ** middle)) goes = middle;
      else stays = middle;
    }
    return sizeAt(goes);
  }

  function answerQuestion4() {
    if (!hasLeft(ball)) return;
    const [question, guess] = [shared.question("q4"), $("q4-guess").value];
    const size = leavingSize();
    question.reveal(size === null
      ? `With ${optimizerName()} it never leaves from the start of the path.`
      : `From the start of the path, ${optimizerName()} leaves the valley within ${RUN} steps from a step size of about ${shared.compact(size)} on.` +
        (guess === "" ? "" : ` You said ${guess}.`) +
        " Above it, every step across the valley ends higher on the other side.");
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function fillSize() {
    $("hill-size").value = Math.log10(stepSize());
    $("hill-size-now").textContent = shared.compact(stepSize());
    $("hill-size").setAttribute("aria-valuetext", shared.compact(stepSize()));
    $("hill-optimizer").value = optimizerName();
  }

  function prepare(loaded) {
    data = loaded;
    about = data.about.hill;
  }

  function start() {
    const canvas = $("hill-canvas");
    makeSurface();
    $("hill-size").min = SLOWEST;
    $("hill-size").max = FASTEST;
    $("hill-size").addEventListener("input", (event) => state.set({ ball: sizeAt(Number(event.target.value)) }));
    $("hill-optimizer").addEventListener("change", (event) => state.set({ optimizer: event.target.value }));
    $("hill-step").addEventListener("click", () => roll(1));
    $("hill-run").addEventListener("click", run);
    $("hill-again").addEventListener("click", () => drop(about.start));
    canvas.addEventListener("pointermove", (event) => pointTo(pointOf(event)));
    canvas.addEventListener("pointerleave", () => { pointer = null; fillPointer(); draw(); });
    canvas.addEventListener("click", (event) => drop(pointOf(event)));
    const [unitA, unitB] = [range(about.a), range(about.b)].map(([from, to]) => (to - from) / 40);
    shared.onArrows(canvas, ([down, right]) => {
      const [a, b] = pointer ?? about.end;
      pointTo([a + right * unitA, b - down * unitB]);
      shared.say($("hill-pointer").textContent);
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      drop(pointer ?? about.end);
    });
    state.watch(["optimizer"], () => drop(ball.trail[0]));
    state.watch(["optimizer", "ball"], fillSize);
    state.watch(["step"], () => { fillPath(); draw(); });
    shared.themeChanged.watch(draw);
    new ResizeObserver(draw).observe(canvas);
    fillSize();
    fillPointer();
    fillPath();
    drop(about.start);
  }

  return { prepare, start, lossAt, leaves, ball: () => ball };
})();
