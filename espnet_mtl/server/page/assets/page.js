// What the page's parts share. Gradio's components ask `espnetMtl` what somebody has set, and hand it what was said.
window.espnetMtl = {
  weights: {}, // of the emotions, by name: emotions.js
  files: { recording: null, face: null }, // whose emotion is taken, the name and content of each: sources.js
  mark() {}, // shows on the wheel what was read of them: emotions.js
  edits: [], // of words: result.js
  said: "", // the server's key of what was said last: result.js
  kind: "", // of the file that is asked for: result.js

  // What the server cannot know of Gradio's own components
  state() {
    const markup = document.querySelector("#texts [role=tab]:nth-of-type(2)");
    const tab = markup && markup.getAttribute("aria-selected") === "true" ? "markup" : "text";
    const { weights, files, edits, said, kind } = this;
    return JSON.stringify({ tab, weights, ...files, edits, said, kind });
  },

  begin() {
    document.body.classList.add("busy");
    document.querySelector("#speak").setAttribute("aria-busy", "true");
    return this.state();
  },

  end() {
    document.body.classList.remove("busy");
    document.querySelector("#speak").removeAttribute("aria-busy");
    // On a phone, what is wrong would be out of sight
    const wrong = document.querySelector(".mark, .warning");
    if (wrong) wrong.scrollIntoView({ block: "nearest" });
  },

  // Hands over a file that the server has made
  save(file) {
    if (file) download(bytesOf(file.content), `speech.${file.kind}`);
  },
};

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function download(bytes, name) {
  const url = URL.createObjectURL(new Blob([bytes]));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// Makes an element with attributes and children; texts are never read as HTML
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function makeSvg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// A slider with its name before it and its value behind it
function makeSlider(label, [low, high, step], unit, changed) {
  const input = make("input", { type: "range", min: low, max: high, step, "aria-label": label });
  const shown = make("output");
  const row = make("label", { class: "slider" }, make("span", {}, label), input, shown);
  row.set = (value) => {
    input.value = value;
    shown.textContent = unit(value);
    input.setAttribute("aria-valuetext", unit(value));
    input.style.setProperty("--filled", `${(100 * (value - low)) / (high - low)}%`);
  };
  input.addEventListener("input", () => changed(Number(input.value)));
  return row;
}
