// Files: the reader's own images, opened or dropped. Browsers resize in their own way: approximate.
const files = (() => {
  const { $, element } = shared;

  let preprocess, image;

  async function open(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      play.complain(`The browser cannot read ${file.name} as an image.`);
      return;
    }
    play.take({ kind: "file", name: file.name }, pixelsOf(bitmap));
    bitmap.close();
  }

  /** The pixels (D) of a bitmap, in the size, the color and the range of the data. */
  function pixelsOf(bitmap) {
    const { height, width, channels, white } = image;
    const context = element("canvas", { height, width }).getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, ...placeFor(bitmap));
    const rgba = context.getImageData(0, 0, width, height).data;
    const pixels = new Float64Array(height * width * channels);
    for (let p = 0; p < height * width; p++) {
      const [red, green, blue] = rgba.subarray(4 * p, 4 * p + 3);
      if (channels === 3) pixels.set([red, green, blue], 3 * p);
      else pixels[p] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue); // ITU-R 601, as Pillow's "L"
    }
    return pixels.map((value) => (value * white) / 255);
  }

  /** Where a bitmap goes on the canvas: squashed, cropped to the middle, or padded. */
  function placeFor(bitmap) {
    const { height, width } = image;
    if (preprocess.resize !== "crop" && preprocess.resize !== "pad") return [0, 0, width, height];
    const ratios = [width / bitmap.width, height / bitmap.height];
    const ratio = preprocess.resize === "crop" ? Math.max(...ratios) : Math.min(...ratios);
    const [w, h] = [bitmap.width * ratio, bitmap.height * ratio];
    return [(width - w) / 2, (height - h) / 2, w, h];
  }

  function listenToDrops(box) {
    box.addEventListener("dragover", (event) => {
      event.preventDefault(); // or the browser would open the file instead of the page
      box.classList.add("over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
  }

  function start(data) {
    ({ preprocess, image } = data.about);
    $("play-file").addEventListener("change", (event) => {
      if (event.target.files[0]) open(event.target.files[0]);
      event.target.value = ""; // so that the same file can be opened again
    });
    listenToDrops($("play-drop"));
  }

  return { start };
})();
