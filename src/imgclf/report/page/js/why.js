// Why: what every pixel says for a class, or for one class rather than another.
//
// A score is a sum with one term a pixel, so it can be shown without leaving anything out. Two ways to write it:
//   against the mean image   score = sum_d w_d * x_d + b,  x = (pixel / scale - mean) / std
//   by ink alone             score = sum_d (w_d / std_d) * pixel_d / scale + b',  b' = b - sum_d w_d * mean_d / std_d
// In the first a pixel speaks by how it differs from the mean, in the second black says nothing.
const why = (() => {
  const { $ } = shared;
  const { state } = address;
  const DIGITS = 2;

  let data, image;
  let inkWeights; // W / std, and b without the mean image
  let seen; // the two classes, {terms (D), for, against, bias, score}, and how these are printed: parts, total
  let cursor = [0, 0];
  let pinned = false; // the reader chose the pixel; else it is the strongest one

  // ---- the mathematics -----------------------------------------------------------------------------------------

  /** What speaks for a class, or for one rather than another: {terms (D), for, against, bias, score}. */
  function evidence(pixels, first, second, what) {
    const ink = against() === "ink";
    const { W, b } = ink ? inkWeights : data;
    const x = ink ? Float64Array.from(pixels, (pixel) => pixel / divisorOf(pixels)) : core.preprocess(pixels, data);
    if (what === "difference") return core.difference(x, W, b, first, second);
    return core.evidence(x, W, b, what === "first" ? first : second);
  }

  function divisorOf(pixels) {
    const { scale, norm } = data.about.preprocess;
    return norm ? Math.sqrt(pixels.reduce((sum, value) => sum + value * value, 0)) || 1 : scale;
  }

  /** The weight that multiplies value d of the image, in what is shown. */
  function weightOf(d) {
    const C = data.b.length;
    const { W } = against() === "ink" ? inkWeights : data;
    const of = (c) => W[d * C + c];
    return { difference: () => of(seen.first) - of(seen.second), first: () => of(seen.first), second: () => of(seen.second) }[show()]();
  }

  /** Add up the channels of each pixel. */
  function byPixel(terms) {
    const sums = new Float64Array(image.height * image.width);
    for (let d = 0; d < terms.length; d++) sums[Math.floor(d / image.channels)] += terms[d];
    return sums;
  }

  // ---- what is seen --------------------------------------------------------------------------------------------

  const show = () => state.get("show", "difference");
  const against = () => state.get("against", "mean");

  function refresh() {
    const { pixels, order } = play.view();
    const [first, second] = order;
    const found = evidence(pixels, first, second, show());
    const sums = byPixel(found.terms);
    const rounded = shared.roundToSum([found.for, found.against, found.bias], DIGITS);
    seen = { first, second, pixels, sums, evidence: found, divisor: divisorOf(pixels), ...rounded };
    if (!pinned) cursor = placeOf(shared.argmax(sums.map(Math.abs)));

    const scale = shared.quantile(sums.map(Math.abs), 0.99) || 1; // a few strong pixels must not turn all others pale
    paint.drawImage($("why-image"), pixels, image);
    paint.drawSigned($("why-map"), sums, image, scale);
    $("why-least").textContent = shared.signed(-scale, DIGITS);
    $("why-most").textContent = shared.signed(scale, DIGITS);
    fillTotals();
    fillChoices();
    fillReadout();
    $("why-seen").textContent = sentence();
    $("why-map").setAttribute("aria-label", `Evidence, pixel by pixel. ${sentence()}`);
    $("why-image").setAttribute("aria-label", "The image, for comparison with the map of evidence beside it");
  }

  const placeOf = (pixel) => [Math.floor(pixel / image.width), pixel % image.width];

  function fillTotals() {
    const [speaksFor, speaksAgainst, bias] = seen.parts;
    $("why-for").textContent = shared.signed(speaksFor, DIGITS);
    $("why-against").textContent = shared.signed(speaksAgainst, DIGITS);
    $("why-bias").textContent = shared.signed(bias, DIGITS);
    $("why-total").textContent = shared.signed(seen.total, DIGITS);
    const largest = Math.max(...seen.parts.map(Math.abs), Math.abs(seen.total)) || 1;
    $("why-total").closest("table").classList.toggle("vast", largest >= shared.VAST);
    for (const [id, value] of [["for", speaksFor], ["against", speaksAgainst], ["bias", bias], ["total", seen.total]]) {
      const bar = $(`why-${id}-bar`);
      shared.placeBar(bar, 0.5, 0.5 + value / largest / 2);
      bar.classList.toggle("below", value < 0);
    }
    $("why-total-name").textContent = show() === "difference" ? "difference of scores" : "score";
  }

  function fillChoices() {
    const [first, second] = [seen.first, seen.second].map((c) => data.about.labels[c]);
    $("show-difference-label").textContent = `${first} rather than ${second}`;
    $("show-first-label").textContent = `${first} alone`;
    $("show-second-label").textContent = `${second} alone`;
  }

  function subject() {
    const [first, second] = [seen.first, seen.second].map((c) => data.about.labels[c]);
    return { difference: `${first} rather than ${second}`, first, second }[show()];
  }

  function sentence() {
    const [row, column] = placeOf(shared.argmax(seen.sums));
    const [speaksFor, speaksAgainst, bias] = seen.parts.map((part) => shared.signed(part, DIGITS));
    return `For ${subject()}: ${speaksFor}, against: ${speaksAgainst}, bias: ${bias}; together ${shared.signed(seen.total, DIGITS)}. ` +
      `The strongest pixel for it is in row ${row + 1}, column ${column + 1}.`;
  }

  // ---- one pixel in words --------------------------------------------------------------------------------------

  const CHANNELS = { 1: [""], 3: ["red ", "green ", "blue "] };

  function fillReadout() {
    const [row, column] = cursor;
    const pixel = row * image.width + column;
    for (const id of ["why-image-frame", "why-map-frame"]) paint.placeFrame($(id), image, cursor);
    const lines = CHANNELS[image.channels].map((name, k) => name + product(pixel * image.channels + k));
    if (lines.length > 1) lines.push(`together ${shared.signed(seen.sums[pixel], 3)}`);
    $("why-place").textContent = `row ${row + 1}, column ${column + 1}`;
    $("why-terms").replaceChildren(...lines.map((line) => shared.element("li", { textContent: line })));
  }

  /** (pixel 0.61 - mean 0.30) x weight 0.21 = +0.065 */
  function product(d) {
    const ink = against() === "ink";
    const { mean, std } = data;
    const value = `pixel ${shared.fixed(seen.pixels[d] / seen.divisor, DIGITS)}`;
    const spread = std && !ink ? ` / std ${shared.fixed(std[d], DIGITS)}` : "";
    const difference = ink || !mean ? value : `(${value} \u2212 mean ${shared.fixed(mean[d], DIGITS)})`;
    return `${difference}${spread} \u00d7 weight ${shared.fixed(weightOf(d), 3)} = ${shared.signed(seen.evidence.terms[d], 3)}`;
  }

  function pointTo([row, column]) {
    cursor = [shared.clamp(row, 0, image.height - 1), shared.clamp(column, 0, image.width - 1)];
    pinned = true;
    fillReadout();
    shared.say(`${$("why-place").textContent}: ${[...$("why-terms").children].map((line) => line.textContent).join("; ")}`);
  }

  // ---- Question 2: how many pixels until it changes its mind? --------------------------------------------------

  const FEW = 0.1; // of the pixels
  let rubbed = 0;
  let before = null; // the class before any pixel was rubbed out, of the image in Play
  let rubbing = false;

  /** Rub out the pixel that speaks most for the first class rather than the second, as often as asked. */
  function rubOutStrongest(times) {
    let spoken = true; // a pixel speaks for the class
    rubbing = true;
    for (let k = 0; k < times; k++) {
      const { pixels, order } = play.view();
      before ??= order[0];
      if (order[0] !== before) break;
      const sums = byPixel(evidence(pixels, order[0], order[1], "difference").terms);
      const strongest = shared.argmax(sums);
      spoken = sums[strongest] > 0;
      if (!spoken) break;
      play.rubOut([strongest]);
      rubbed++;
    }
    rubbing = false;
    const count = `${shared.plural(rubbed, "pixel")} of ${image.height * image.width}`;
    $("q2-count").textContent = `${count} rubbed out`;
    const called = play.view().order[0];
    if (called !== before || !spoken) answerQuestion2(count, called);
  }

  function answerQuestion2(count, called) {
    const names = data.about.labels;
    const few = rubbed <= FEW * image.height * image.width;
    shared.question("q2").reveal((called === before
      ? `After ${count} no pixel speaks for it any more, and it is still called ${names[before]}: the bias decides.`
      : `After ${count} it is no longer called ${names[before]}, but ${names[called]}.`) +
      shared.youSaid($("q2-guess").value) +
      (few ? " Its opinion is a sum, and a few large terms carry it." : " Its opinion is a sum of many terms: no few of them carry it."));
  }

  function startOver() {
    if (rubbing) return;
    rubbed = 0;
    before = null;
    $("q2-count").textContent = "No pixel rubbed out yet";
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function start(loaded) {
    data = loaded;
    ({ image } = data.about);
    inkWeights = core.byInk(data);
    shared.choose("show", show());
    shared.choose("against", against());
    shared.onChoice("show", (value) => state.set({ show: value === "difference" ? null : value }));
    shared.onChoice("against", (value) => state.set({ against: value === "mean" ? null : value }));
    state.watch(["show", "against"], () => {
      shared.choose("show", show());
      shared.choose("against", against());
      refresh();
      shared.say(sentence());
    });
    for (const id of ["why-image", "why-map"]) {
      const canvas = $(id);
      const follow = (event) => pointTo(paint.pixelAt(event, canvas, image));
      canvas.addEventListener("pointermove", follow);
      canvas.addEventListener("pointerdown", follow);
    }
    shared.onArrows($("why-map"), ([down, right]) => pointTo([cursor[0] + down, cursor[1] + right]));
    $("q2-one").addEventListener("click", () => rubOutStrongest(1));
    $("q2-ten").addEventListener("click", () => rubOutStrongest(10));
    $("q2-again").addEventListener("click", () => {
      play.reset();
      startOver();
    });
    paint.themeChanged.watch(refresh);
    play.watch(() => {
      startOver();
      refresh();
    });
    startOver();
    refresh();
  }

  return { start, seen: () => seen };
})();
