// Start the sections that this page has.
const main = (async () => {
  const { $ } = shared;

  let loaded;
  try {
    loaded = await data.load();
  } catch (error) {
    $("trouble").hidden = false;
    $("trouble").textContent = `This browser cannot open the page: ${error.message}`;
    throw error;
  }
  shared.placeBars(document);

  /** Start a section, if it is in the page, when it is about to be seen. */
  const whenNear = (id, start) => $(id) && shared.whenNear($(id), start);

  if ($("how")) how.start(loaded);
  if ($("hill")) hill.prepare(loaded);
  if ($("play")) {
    play.start(loaded);
    why.start(loaded);
    question1.start(loaded);
  }
  if ($("learned")) learned.prepare(loaded);
  whenNear("learned", learned.start);
  whenNear("hill", hill.start);
  whenNear("onestep", () => onestep.start(loaded));
  if ($("mistakes")) mistakes.start(loaded);
  if ($("mistakes-images")) whenNear("mistakes", mistakes.startImages);

  // Links to sections keep the state in the address.
  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(link.hash.slice(1));
      address.state.set({ at: link.hash.slice(1) });
    });
  }
  function goTo(id) {
    if (!$(id)) return;
    $(id).scrollIntoView();
    $(`${id}-title`).focus({ preventScroll: true });
  }
  address.state.watch(["at"], () => goTo(address.state.get("at")));
  if (address.state.get("at")) goTo(address.state.get("at"));

  // For tests, and for the curious in the console:
  //   core       the mathematics, free of the DOM; data: what the page holds
  //   state      state.get(name), state.set({image, move, step, size, ...}), as in the address
  //   parseHash  what an address says; shared: numbers in words, as the sections write them
  //   play       show(position), rubOut([pixel]), view(): {pixels, scores, order, label}; question1: example()
  //   why        seen(): {first, second, terms, parts, total}
  //   hill       ball(): {at, trail, loss}, leaves(size); onestep: now(), taken(), longest(); mistakes: imagesOf([t, p])
  window.imgclf = {
    core, data: loaded, state: address.state, parseHash: address.parseHash, shared,
    play, question1, why, learned, how, hill, onestep, mistakes,
  };
  document.documentElement.dataset.ready = "yes";
})();
