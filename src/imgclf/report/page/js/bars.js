// Bars: the scores of the image in Play, a row for each class.
const bars = (() => {
  const { $, element } = shared;
  const MOST_ROWS = 12; // with more classes, those with the highest scores

  let labels;
  let rows = [];
  let largest = 1; // score at the end of a bar: one scale for all images, so that they can be compared

  function start({ about }, largestScore) {
    ({ labels } = about);
    largest = largestScore || 1;
    const count = Math.min(labels.length, MOST_ROWS);
    const likely = about.loss === "softmax"; // the scores of other losses stand for no probabilities
    $("play-likely").hidden = !likely;
    rows = Array.from({ length: count }, () => makeRow(likely));
    $("play-bars").append(...rows.map((row) => row.line));
    $("play-bars").closest("table").classList.toggle("vast", largest >= shared.VAST);
    $("play-more").textContent = count < labels.length ? `The ${count} highest of ${labels.length} classes.` : "";
  }

  function makeRow(likely) {
    const row = {
      name: element("span", { className: "name" }), note: element("span", { className: "note" }),
      bar: element("span", { className: "fill" }), score: element("td", { className: "number" }),
      likely: element("td", { className: "number", hidden: !likely }),
    };
    row.line = element("tr", {},
      element("th", { scope: "row" }, element("span", { className: "class" }, row.name, row.note)),
      element("td", { className: "bar-cell" }, element("span", { className: "bar signed" }, row.bar)),
      row.score, row.likely);
    return row;
  }

  function fill({ scores, order, label }) {
    const probabilities = core.softmax(scores);
    // All classes stay where they are; only of many, those that lead are shown.
    const shown = rows.length < scores.length ? order.slice(0, rows.length) : rows.map((_, c) => c);
    shown.forEach((c, at) => {
      const row = rows[at];
      row.name.textContent = labels[c];
      row.note.textContent = [c === order[0] ? "called" : "", c === label ? "true" : ""].filter(Boolean).join(", ");
      row.line.classList.toggle("first", c === order[0]);
      row.bar.classList.toggle("below", scores[c] < 0);
      shared.placeBar(row.bar, 0.5, 0.5 + shared.clamp(scores[c] / largest, -1, 1) / 2);
      row.score.textContent = shared.fixed(scores[c]);
      row.likely.textContent = shared.percent(probabilities[c]);
    });
  }

  return { start, fill };
})();
