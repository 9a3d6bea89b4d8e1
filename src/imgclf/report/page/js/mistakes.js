// Mistakes: the confusion matrix as a table of buttons, the images of a cell, and a table of the classes.
const mistakes = (() => {
  const { $, element } = shared;
  const { state } = address;
  const WHOLE = 30; // classes whose matrix is shown whole; of more, those that are confused most
  const PART = 15;

  let data, image;
  let shown = []; // classes that are rows and columns
  let predicted = null; // of the embedded images, once it is needed
  let open = null; // [true class, predicted class]

  // ---- the matrix ----------------------------------------------------------------------------------------------

  function mostConfused(count) {
    const { confusion, classes } = data.about;
    const wrong = classes.map((_, t) => confusion[t].reduce((sum, n, p) => sum + (p === t ? 0 : n + confusion[p][t]), 0));
    return shared.ranking(wrong).slice(0, count).sort((j, k) => j - k);
  }

  function makeMatrix() {
    const { confusion, classes, labels } = data.about;
    const head = element("tr", {}, element("td"), ...shown.map((p) =>
      element("th", { scope: "col" }, element("span", { textContent: labels[p] }))), element("th", { scope: "col", className: "number", textContent: "recall" }));
    const body = shown.map((t) => {
      const total = confusion[t].reduce((sum, n) => sum + n, 0);
      const cells = shown.map((p) => element("td", {}, makeCell(t, p, confusion[t][p], total)));
      const recall = total ? shared.percent(confusion[t][t] / total, 0) : "\u2013";
      return element("tr", {}, element("th", { scope: "row" }, element("span", { textContent: labels[t] })), ...cells,
        element("td", { className: "number", textContent: recall }));
    });
    $("mistakes-matrix").replaceChildren(
      element("caption", { className: "unseen", textContent: "Confusion matrix: a row for each true class, a column for each predicted class" }),
      element("thead", {}, head), element("tbody", {}, ...body));
    $("mistakes-part").hidden = shown.length === classes.length;
    markOpen();
  }

  function makeCell(t, p, count, total) {
    const { classes } = data.about;
    if (!count) return element("span", { className: "none", textContent: "\u00b7", "aria-label": "none", role: "img" });
    const cell = element($("mistakes-images") ? "button" : "span", { textContent: shared.whole(count) });
    cell.className = t === p ? "right" : "wrong";
    cell.style.setProperty("--share", Math.sqrt(count / total).toFixed(3));
    if (cell.localName === "span") return cell; // without images there is nothing to open
    cell.type = "button";
    cell.setAttribute("aria-label", `true ${classes[t]}, predicted ${classes[p]}, ${shared.plural(count, "image")}`);
    cell.dataset.cell = `${t},${p}`;
    cell.addEventListener("click", () => state.set({ cell: [t, p] }));
    return cell;
  }

  const buttons = () => [...$("mistakes-matrix").querySelectorAll("button")];

  /** One cell is reached by Tab, the others from it by arrow keys. */
  function markOpen() {
    const all = buttons();
    for (const button of all) {
      const isOpen = open !== null && button.dataset.cell === open.join();
      button.setAttribute("aria-pressed", isOpen);
      button.tabIndex = isOpen ? 0 : -1;
    }
    if (all.length && !all.some((button) => button.tabIndex === 0)) all[0].tabIndex = 0;
  }

  function moveFocus([down, right]) {
    const [t, p] = (document.activeElement.dataset?.cell ?? "").split(",").map(Number);
    let [row, column] = [shown.indexOf(t), shown.indexOf(p)];
    if (row < 0 || column < 0) return;
    for (;;) {
      [row, column] = [row + down, column + right];
      if (!(row in shown) || !(column in shown)) return;
      const next = buttons().find((button) => button.dataset.cell === `${shown[row]},${shown[column]}`);
      if (next) return next.focus();
    }
  }

  // ---- the images of a cell ------------------------------------------------------------------------------------

  function predict() {
    const D = data.W.length / data.b.length;
    predicted = Array.from(data.val.y, (_, k) => {
      const scores = core.scores(core.preprocess(data.val.pixels.subarray(k * D, (k + 1) * D), data), data.W, data.b);
      const best = core.best(scores);
      const rival = best === data.val.y[k] ? shared.ranking(scores)[1] : data.val.y[k];
      return { class: best, margin: scores[best] - scores[rival] };
    });
  }

  /** The embedded images of a cell, the most confident first. */
  function imagesOf([t, p]) {
    return predicted.map((one, k) => ({ ...one, k })).filter(({ k, class: c }) => data.val.y[k] === t && c === p)
      .sort((one, other) => other.margin - one.margin);
  }

  function openCell() {
    const { labels, confusion } = data.about;
    const found = imagesOf(open);
    const [t, p] = open.map((c) => labels[c]);
    const count = confusion?.[open[0]]?.[open[1]] ?? found.length;
    $("mistakes-cell").textContent = t === p ? `${t}, recognized` : `${t}, called ${p}`;
    const text = `${shared.whole(found.length)} of ${shared.plural(count, "image")}` +
      (found.length ? ", the clearest decisions first. Choose one to open it in Play." : ": none of them is in this page.");
    $("mistakes-count").textContent = text;
    $("mistakes-images").replaceChildren(...found.map(({ k, margin }) => element("li", {}, makeImage(k, margin, t, p))));
    shared.say(`${$("mistakes-cell").textContent}: ${text}`);
    markOpen();
    $("mistakes-seen").textContent = sentence();
  }

  function makeImage(k, margin, t, p) {
    const canvas = element("canvas");
    paint.drawImage(canvas, data.val.pixels, image, k * image.height * image.width * image.channels);
    const button = element("button", { type: "button" }, canvas, element("span", { textContent: `lead ${shared.fixed(margin)}` }));
    button.setAttribute("aria-label", `Image ${data.val.index[k]}, true ${t}, predicted ${p}, lead ${shared.fixed(margin)}: open in Play`);
    button.dataset.position = data.val.index[k];
    button.addEventListener("click", () => {
      play.show(data.val.index[k]);
      $("play-canvas").focus({ preventScroll: true });
      $("play").scrollIntoView({ behavior: shared.calm.matches ? "auto" : "smooth" });
    });
    return button;
  }

  function fullestWrongCell() {
    let [best, most] = [null, 0];
    for (const t of shown) for (const p of shown) {
      const count = data.about.confusion[t][p];
      if (t !== p && count > most && (!predicted || imagesOf([t, p]).length)) [best, most] = [[t, p], count];
    }
    return best ?? [shown[0], shown[0]];
  }

  function sentence() {
    const { confusion, labels: classes } = data.about;
    const pairs = [];
    for (let t = 0; t < classes.length; t++) for (let p = 0; p < classes.length; p++) if (t !== p) pairs.push([confusion[t][p], t, p]);
    const wrong = pairs.reduce((sum, [count]) => sum + count, 0);
    const [count, t, p] = pairs.reduce((best, pair) => (pair[0] > best[0] ? pair : best), [0, 0, 0]);
    if (!wrong) return "There is no mistake.";
    return `${shared.plural(wrong, "mistake")} in all; the most of one kind: ${shared.whole(count)} times ${classes[t]} was called ${classes[p]}.`;
  }

  // ---- the table of the classes --------------------------------------------------------------------------------

  const COLUMNS = ["name", "support", "recall", "precision", "f1"];
  let sorted = { by: "support", down: true };

  function makeClasses() {
    for (const column of COLUMNS) {
      $(`classes-${column}`).querySelector("button").addEventListener("click", () => {
        sorted = { by: column, down: sorted.by === column ? !sorted.down : column !== "name" };
        fillClasses();
      });
    }
    sorted = { by: "recall", down: false };
    fillClasses();
  }

  function fillClasses() {
    const { classes, labels } = data.about;
    const rows = data.about.per_class.map((one, c) => ({ ...one, name: classes[c], label: labels[c] }));
    const order = sorted.by === "name"
      ? (one, other) => one.name.localeCompare(other.name)
      : (one, other) => (one[sorted.by] ?? -1) - (other[sorted.by] ?? -1);
    rows.sort((one, other) => (sorted.down ? -1 : 1) * order(one, other));
    for (const column of COLUMNS) {
      $(`classes-${column}`).setAttribute("aria-sort", sorted.by !== column ? "none" : sorted.down ? "descending" : "ascending");
    }
    const share = (value) => (Number.isFinite(value) ? shared.percent(value) : "\u2013");
    $("classes-body").replaceChildren(...rows.map((one) => element("tr", {},
      element("th", { scope: "row", textContent: one.label, title: one.name }),
      element("td", { className: "number", textContent: shared.whole(one.support) }),
      ...["recall", "precision", "f1"].map((column) => element("td", { className: "number", textContent: share(one[column]) })))));
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function start(loaded) {
    data = loaded;
    ({ image } = data.about);
    const all = data.about.classes.map((_, c) => c);
    shown = all.length > WHOLE ? mostConfused(PART) : all;
    makeMatrix();
    shared.onArrows($("mistakes-matrix"), moveFocus);
    $("mistakes-all").addEventListener("click", () => {
      shown = all;
      makeMatrix();
    });
    makeClasses();
    $("mistakes-seen").textContent = sentence();
  }

  /** The part with images: it has to look at all of them. */
  function startImages() {
    predict();
    const valid = (cell) => cell?.every((c) => c >= 0 && c < data.about.classes.length);
    const openAsked = () => {
      const asked = state.get("cell");
      open = valid(asked) ? asked : fullestWrongCell();
      openCell();
    };
    state.watch(["cell"], openAsked);
    openAsked();
  }

  return { start, startImages, imagesOf };
})();
