const main = (async () => {
  window.imgclf = { core, data: await data.load() };
  document.getElementById("ready").textContent = "ready";
})();
