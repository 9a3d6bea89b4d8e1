// What it learned: the weights of every class as an image, after each of the steps that were kept.
const learned = (() => {
  const { $, element } = shared;
  const { state } = address;

  let data, image, steps;
  let figures = []; // a canvas a class
  let scale = 1; // one for all classes and steps, so that templates are seen to grow
  let timer = 0;

  /** The template (D) of a class after the k-th of the kept steps. */
  function template(k, c) {
    const D = image.height * image.width * image.channels;
    if (!data.frames) return Float64Array.from({ length: D }, (_, d) => data.W[d * data.about.classes.length + c]);
    const at = (k * data.about.classes.length + c) * D;
    const unit = data.about.frames.scale[k] / 127;
    return Float64Array.from(data.frames.subarray(at, at + D), (value) => value * unit);
  }

  function largest(k) {
    const sizes = [];
    for (let c = 0; c < data.about.classes.length; c++) for (const weight of template(k, c)) sizes.push(Math.abs(weight));
    return shared.quantile(Float64Array.from(sizes), 0.995) || 1; // a few huge weights must not turn all others to gray
  }

  function makeFigures() {
    const { labels: classes } = data.about;
    const size = { width: image.width, height: image.height }; // at once, or the page would grow when they are drawn
    figures = classes.map((name) => {
      const canvas = element("canvas", { role: "img", "aria-label": `Template of ${name}`, ...size });
      const mean = data.means ? element("canvas", { role: "img", "aria-label": `Mean image of ${name}`, ...size }) : "";
      return { canvas, mean, figure: element("figure", {}, canvas, mean, element("figcaption", { textContent: name })) };
    });
    $("learned-grid").append(...figures.map(({ figure }) => figure));
    $("learned-grid").classList.toggle("many", classes.length > 20);
    $("learned-grid").classList.toggle("few", classes.length < 5);
  }

  function refresh() {
    const k = steps.at();
    figures.forEach(({ canvas }, c) => {
      paint.drawTemplate(canvas, template(k, c), image, scale);
      canvas.setAttribute("aria-label", `Template of ${data.about.labels[c]}, ${steps.words()}`);
    });
    $("learned-seen").textContent = sentence();
    $("learned-scale").textContent = `\u2212${shared.compact(scale)} to +${shared.compact(scale)}`;
    $("learned-now").textContent = shared.sentenceCase(steps.words());
    $("learned-slider").value = k;
    $("learned-slider").setAttribute("aria-valuetext", steps.words());
  }

  function sentence() {
    if (!data.frames) return "Only the weights at the end are kept in this page.";
    const k = steps.at();
    const last = steps.list.length - 1;
    const loss = hill.wordsAt(steps.now());
    if (k === last) return `These are the weights after the last step, ${shared.whole(steps.list[last])}${notKept()}: ${loss}`;
    const alike = shared.mean(data.about.classes.map((_, c) => correlation(template(k, c), template(last, c))));
    const kept = steps.isKept() ? "These are the weights of the model, which early stopping kept. " : "";
    return `${kept}After step ${shared.whole(steps.now())} of ${shared.whole(steps.list[last])} the templates correlate ` +
      `with those at the end by ${shared.fixed(alike)} on average: ${loss}`;
  }

  const notKept = () =>
    (steps.model === steps.list.at(-1) ? "" : ` (not the model, which early stopping kept after step ${shared.whole(steps.model)})`);

  function correlation(a, b) {
    const [meanA, meanB] = [shared.mean(a), shared.mean(b)];
    let [ab, aa, bb] = [0, 0, 0];
    for (let d = 0; d < a.length; d++) {
      const [x, y] = [a[d] - meanA, b[d] - meanB];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return aa && bb ? ab / Math.sqrt(aa * bb) : 0;
  }

  // ---- the play button -----------------------------------------------------------------------------------------

  function run() {
    if (timer) return stop();
    let k = steps.now() === steps.model || steps.now() === steps.list.at(-1) ? 0 : steps.at();
    $("learned-run").textContent = "Stop";
    steps.go(k);
    timer = setInterval(() => {
      if (++k >= steps.list.length) return stop();
      return steps.go(k);
    }, 450);
    return undefined;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    $("learned-run").textContent = "Play the steps";
  }

  // ---- Question 3: at which step does one recognize it? --------------------------------------------------------

  const ALIKE = 0.9;
  let asked = 0; // a class

  /** The first of the steps from which on the template looks like the one at the end. */
  function firstAlike(c) {
    const last = steps.list.length - 1;
    let k = last;
    while (k > 0 && correlation(template(k - 1, c), template(last, c)) >= ALIKE) k--;
    return steps.list[k];
  }

  function askQuestion3() {
    const recalls = data.about.per_class?.map((one) => one.recall ?? 0) ?? [1];
    asked = shared.argmax(recalls);
    const name = data.about.labels[asked];
    $("q3-text").textContent =
      `At which step do you recognize ${name}? Begin at step 0, move on until you do, and say so.`;
    $("q3-begin").addEventListener("click", () => {
      stop();
      steps.go(0);
      $("learned-slider").focus();
    });
    $("q3-here").addEventListener("click", () => {
      const [step, last] = [firstAlike(asked), steps.list.at(-1)];
      shared.question("q3").reveal(
        `You said step ${shared.whole(steps.now())}. Its template correlates with the one at the end by ` +
        `${ALIKE} or more from step ${shared.whole(step)} on, of ${shared.whole(last)}: ` +
        (step <= last / 2 ? "the picture is there early, and most steps only weigh it more finely." : "the picture was still changing late."));
    });
  }

  /** What is laid out at once. */
  function prepare(loaded) {
    data = loaded;
    ({ image } = data.about);
    steps = how.steps();
    makeFigures();
    const moving = data.frames && steps.list.length > 1;
    $("learned-controls").hidden = !moving;
    $("learned-run").hidden = shared.calm.matches;
    if (moving) askQuestion3();
    else $("q3").hidden = true;
  }

  function start() {
    const D = image.height * image.width * image.channels;
    if (data.means) figures.forEach(({ mean }, c) => paint.drawImage(mean, data.means, image, c * D));
    const moving = data.frames && steps.list.length > 1;
    scale = largest(moving ? steps.list.length - 1 : 0);
    const slider = $("learned-slider");
    slider.max = steps.list.length - 1;
    slider.addEventListener("input", () => {
      stop();
      steps.go(Number(slider.value));
    });
    $("learned-run").addEventListener("click", run);
    paint.themeChanged.watch(refresh);
    state.watch(["step"], refresh);
    refresh();
  }

  return { prepare, start };
})();
