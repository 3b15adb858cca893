// Files whose emotion is taken: a recording, and a face. They stay in the browser until a text is said with them.
const WRAPPING = 2 ** 16; // bytes of a request beside its files, at most

function asBase64(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(file);
  });
}

// Bytes that a request has room for, beside the other file
function room(most, name) {
  const others = Object.entries(espnetMtl.files).filter(([other, file]) => file && other !== name);
  return others.reduce((left, [, file]) => left - file.content.length, most - WRAPPING);
}

// Adds a chooser of files; `name` is what the state calls its file, and `preview` makes an element that shows one
function addSource(root, name, { hint, label, accept, most }, preview) {
  const input = make("input", { type: "file", accept, "aria-label": label });
  const wrong = make("p", { class: "source-wrong", role: "alert", hidden: "" });
  const shown = make("div", { class: "source-shown" });
  const remove = make("button", { type: "button" }, "Remove");
  const save = make("button", { type: "button" }, "Save the file");
  const buttons = make("div", { class: "source-buttons" }, remove, save);
  let url = "";

  const warn = (text) => {
    wrong.textContent = text;
    wrong.hidden = !text;
  };

  const show = (file, isNew) => {
    if (url) URL.revokeObjectURL(url);
    url = file ? URL.createObjectURL(file) : "";
    shown.replaceChildren(...(file ? [preview(file, url)] : []));
    buttons.hidden = !file;
    save.hidden = !isNew;
  };

  // `isNew`: a file that this machine does not have yet, which the code that is shown names
  const take = async (file, isNew = false) => {
    espnetMtl.files[name] = null;
    espnetMtl.mark(null);
    const bytes = file ? (4 / 3) * file.size : 0;
    const fits = bytes <= room(most, name);
    warn(fits ? "" : `${file.name} is too large: ${(bytes / 2 ** 20).toFixed(1)} MiB as it is sent.`);
    const taken = fits ? file : null;
    show(taken, isNew);
    if (!taken || isNew) input.value = "";
    if (taken) espnetMtl.files[name] = { name: file.name, content: await asBase64(file) };
    espnetMtl.mark(null);
  };

  input.addEventListener("change", () => input.files[0] && take(input.files[0]));
  remove.addEventListener("click", () => take(null));
  save.addEventListener("click", () => {
    const { name: fileName, content } = espnetMtl.files[name];
    download(bytesOf(content), fileName);
  });
  show(null);
  root.append(make("p", {}, hint), input, wrong, shown, buttons);
  return { input, take, warn };
}

espnetMtl.recording = (element, props) => {
  const texts = {
    hint: "A recording of 0.3 to 20 s, whose emotion is taken in place of the wheel's.",
    label: "A recording", accept: "audio/*,.flac,.ogg,.opus", most: props.value.most,
  };
  addSource(element.querySelector(".source"), "recording", texts, (_, url) => make("audio", { controls: "", src: url }));
};

espnetMtl.face = (element, props) => {
  const { most, seconds } = props.value;
  const texts = {
    hint: `A picture of a face, or a video of up to ${seconds} s, whose emotion is taken in place of the wheel's.`,
    label: "A face", accept: "image/*,video/*,.mkv,.npy,.npz", most,
  };
  const source = addSource(element.querySelector(".source"), "face", texts, faceShown);
  // Browsers have it for this machine and for https alone
  if (navigator.mediaDevices) source.input.after(...camera(source));
};

function faceShown(file, url) {
  if (file.type.startsWith("video/")) return make("video", { controls: "", muted: "", playsinline: "", src: url });
  if (file.type.startsWith("image/")) return make("img", { src: url, alt: `The face: ${file.name}` });
  return make("p", {}, file.name);
}
