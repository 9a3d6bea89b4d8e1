// How it learned: a cursor on the curves, at the step that the templates and the hill show, too.
const how = (() => {
  const { $ } = shared;
  const { state } = address;

  let data;
  let list = []; // the steps that the sliders stop at
  let model; // the one of them whose weights are the model's

  /** The steps of the sliders: those whose weights were kept, or the ends of the epochs. */
  function stops({ about }) {
    return about.frames?.steps ?? about.hill?.path?.steps ?? [0, ...(about.epochs?.step ?? [])];
  }

  /** The step whose weights early stopping kept, if the slider stops there; else the last: those of the model. */
  function modelsStep({ kept_epoch: epoch, epochs }) {
    const step = epochs.step?.[epochs.epoch.indexOf(epoch)];
    return list.includes(step) ? step : list.at(-1);
  }

  const at = () => shared.nearest(list, state.get("step", model));
  const now = () => list[at()];
  const go = (k) => state.set({ step: list[k] === model ? null : list[k] });
  const isKept = () => now() === model && model !== list.at(-1);

  function words() {
    const epoch = data.about.steps_per_epoch ? `, epoch ${shared.fixed(now() / data.about.steps_per_epoch, 1)}` : "";
    return `after step ${shared.whole(now())} of ${shared.whole(list.at(-1))}${epoch}${isKept() ? ": the model, kept by early stopping" : ""}`;
  }

  /** What was measured nearest to a step: the loss of its batch, and the epoch that had ended by then. */
  function measured(step) {
    const { steps, epochs } = data.about;
    const found = [];
    if (steps?.step?.length) {
      const k = shared.nearest(steps.step, step);
      found.push(`loss of the batch of step ${shared.whole(steps.step[k])}: ${shared.compact(steps.loss[k])}`);
    }
    const ended = (epochs?.step ?? []).filter((end) => end <= step).length - 1;
    if (ended < 0) found.push("no epoch had ended");
    else {
      for (const [name, write] of [["val/loss", shared.compact], ["val/accuracy", shared.percent]]) {
        const value = epochs[name]?.[ended];
        if (Number.isFinite(value)) found.push(`${name.replace("/", " ")} after epoch ${epochs.epoch[ended]}: ${write(value)}`);
      }
    }
    return found.join("; ");
  }

  function refresh() {
    const step = now();
    const end = Number($("how-charts").dataset.last) || 1;
    for (const cursor of document.querySelectorAll("#how-charts .cursor")) cursor.style.left = `${Math.min(100, (100 * step) / end)}%`;
    $("how-slider").value = at();
    $("how-slider").setAttribute("aria-valuetext", words());
    $("how-now").textContent = shared.sentenceCase(words());
    $("how-seen").textContent = `${shared.sentenceCase(words())}. ${shared.sentenceCase(measured(step))}.`;
  }

  function start(loaded) {
    data = loaded;
    list = stops(data);
    model = modelsStep(data.about);
    const slider = $("how-slider");
    slider.max = list.length - 1;
    slider.addEventListener("input", () => {
      go(Number(slider.value));
      shared.say($("how-seen").textContent);
    });
    for (const plot of document.querySelectorAll("#how-charts .plot")) {
      plot.addEventListener("pointerdown", (event) => {
        const box = plot.getBoundingClientRect();
        const share = (event.clientX - box.left) / box.width;
        go(shared.nearest(list, share * Number($("how-charts").dataset.last)));
      });
    }
    state.watch(["step"], refresh);
    refresh();
  }

  return { start, steps: () => ({ list, at, now, go, words, isKept, model }) };
})();
