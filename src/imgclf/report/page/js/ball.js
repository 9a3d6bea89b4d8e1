// The ball: an optimizer on the exact loss of the plane, and question 4: when does it leave the valley?
const ball = (() => {
  const { $ } = shared;
  const { state } = address;
  const RUN = 50; // steps
  const [SLOWEST, FASTEST] = [-4, 3]; // powers of ten of the slider

  const moved = shared.signal(); // sent whenever the ball is somewhere else
  let data, start;
  let now = null; // {at: [a, b], trail, start: loss there, loss, steps, optimizer, optimizerState}
  let frame = 0;

  const optimizerName = () => state.get("optimizer", "sgd");
  const stepSize = () => state.get("ball", 0.1);
  const sizeAt = (position) => Number((10 ** position).toPrecision(2));

  const lossAndGrad = ([a, b]) => core.surface(data.hill, a, b);

  // ---- rolling -------------------------------------------------------------------------------------------------

  function ballAt(at) {
    const optimizer = core.OPTIMIZERS[optimizerName()]();
    const { loss } = lossAndGrad(at);
    return { at: [...at], trail: [[...at]], start: loss, loss, steps: 0, optimizer, optimizerState: optimizer.init(2) };
  }

  /** One step of a ball: against the direction, as long as the step size says. */
  function step(one, size) {
    const { grad } = lossAndGrad(one.at);
    const direction = one.optimizer.direction(Float64Array.from(grad), one.optimizerState);
    one.at = one.at.map((value, k) => value - size * direction[k]);
    one.steps++;
    one.loss = lossAndGrad(one.at).loss;
  }

  /** It has left the valley where the loss is above that of its start, or no number at all. */
  const hasLeft = (one) => !(one.loss <= one.start);

  function drop(at) {
    now = ballAt(at);
    stop();
    moved.send();
  }

  function roll(times) {
    for (let k = 0; k < times && Number.isFinite(now.loss) && now.loss < 1e6 * (1 + now.start); k++) {
      step(now, stepSize());
      now.trail.push([...now.at]);
    }
    moved.send();
    answer();
  }

  function run() {
    if (frame) return stop();
    let left = RUN;
    if (shared.calm.matches) return roll(left);
    $("hill-run").textContent = "Stop";
    const tick = () => {
      roll(1);
      frame = --left > 0 && !Number.isNaN(now.loss) ? requestAnimationFrame(tick) : stop();
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

  function describe() {
    if (!now.steps) return `The ball lies at a loss of ${shared.compact(now.loss)}.`;
    const outside = terrain.isInside(now.at) ? "" : ", outside the picture";
    const left = hasLeft(now) ? " It is higher now than where it began." : "";
    return `Ball after ${shared.plural(now.steps, "step")}: loss ${shared.compact(now.loss)}${outside}, from ${shared.compact(now.start)}.${left}`;
  }

  // ---- Question 4: at which step size does the ball leave the valley? ------------------------------------------

  /** Whether a ball leaves the valley within a run from the start of the path. */
  function leaves(size) {
    const one = ballAt(start);
    for (let k = 0; k < RUN; k++) {
      step(one, size);
      if (hasLeft(one)) return true;
    }
    return false;
  }

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

  function answer() {
    if (!hasLeft(now)) return;
    const size = leavingSize();
    shared.question("q4").reveal((size === null
      ? `From the start of the path, no step size up to ${shared.whole(10 ** FASTEST)} makes ${optimizerName()} leave within ${RUN} steps.`
      : `From the start of the path, ${optimizerName()} leaves the valley within ${RUN} steps from a step size of about ${shared.compact(size)} on: ` +
        "so long a step crosses the valley, and lands higher than it began.") + shared.youSaid($("q4-guess").value));
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
    ({ start } = data.about.hill);
    $("hill-size").min = SLOWEST;
    $("hill-size").max = FASTEST;
    $("hill-size").addEventListener("input", (event) => state.set({ ball: sizeAt(Number(event.target.value)) }));
    $("hill-optimizer").addEventListener("change", (event) => state.set({ optimizer: event.target.value }));
    $("hill-step").addEventListener("click", () => roll(1));
    $("hill-run").addEventListener("click", run);
    $("hill-again").addEventListener("click", () => drop(start));
    state.watch(["optimizer"], () => drop(now.trail[0]));
    state.watch(["optimizer", "ball"], fillSize);
    fillSize();
    drop(start);
  }

  return { prepare, drop, describe, leaves, watch: moved.watch, now: () => now };
})();
