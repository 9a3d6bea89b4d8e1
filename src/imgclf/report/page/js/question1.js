// Question 1: how far must an image move until it is called something else?
const question1 = (() => {
  const { $, element } = shared;
  const WAYS = [["down", [1, 0]], ["up", [-1, 0]], ["right", [0, 1]], ["left", [0, -1]]];

  let data;
  let example = null; // {k, way, step, pixels, from, to}

  /** Find the image that was recognized most clearly, and a few pixels further is called something else. */
  function findExample() {
    const { image } = data.about;
    const most = Math.max(2, Math.round(image.height / 7));
    const budget = Math.min(data.val.y.length, Math.max(8, Math.floor(3e7 / (WAYS.length * most * data.W.length))));
    let clearest = 0;
    for (let k = 0; k < budget; k++) {
      const pixels = play.embedded(k);
      const scores = play.scoresOf(pixels);
      const [first, second] = shared.ranking(scores);
      if (first !== data.val.y[k] || scores[first] - scores[second] <= clearest) continue;
      for (const [way, [down, right]] of WAYS) {
        const to = (by) => core.best(play.scoresOf(moves.moved(pixels, image, by * down, by * right)));
        // The last is tried first: most images never change, and then one try has to do.
        if (to(most) === first) continue;
        let by = 1;
        while (to(by) === first) by++;
        example = { k, way, step: [down, right], pixels: by, from: first, to: to(by) };
        clearest = scores[first] - scores[second];
        break;
      }
    }
  }

  function ask() {
    findExample();
    if (!example) {
      $("q1-text").textContent = "Move some images: none of those looked through changes its name within a few pixels. Which does?";
      for (const part of $("q1").querySelectorAll(".controls, .answer")) part.hidden = true;
      return;
    }
    const names = data.about.labels;
    $("q1-text").textContent =
      `Take ${play.nameOf({ kind: "val", k: example.k })}, and move it ${example.way}, pixel by pixel. ` +
      "What will it be called instead, and how soon? Predict, then do it.";
    $("q1-take").addEventListener("click", () => {
      shared.choose("tool", "move");
      play.show(data.val.index[example.k]);
      $("play-canvas").focus();
    });
    play.watch(answer);
  }

  function answer({ origin, edited, shift: [down, right] }) {
    const question = shared.question("q1");
    const by = down * example.step[0] + right * example.step[1];
    if (origin.kind !== "val" || origin.k !== example.k || edited || by < example.pixels || question.isOpen()) return;
    const names = data.about.labels;
    const guess = $("q1-guess").value;
    question.reveal(
      `${shared.plural(example.pixels, "pixel")} ${example.way}, ${names[example.from]} becomes ${names[example.to]}.` +
      shared.youSaid(guess && names[guess]) +
      " A template sits at one place: it cannot follow what moves. That is why convolution was invented.");
  }

  function start(loaded) {
    data = loaded;
    for (const [c, name] of data.about.labels.entries()) $("q1-guess").append(element("option", { value: c, textContent: name }));
    setTimeout(ask); // it takes long
  }

  return { start, example: () => example };
})();
