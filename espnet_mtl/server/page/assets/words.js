// A sentence: its spectrogram, F0, and its words, each of which can be dragged higher, lower and longer.
const WIDEST_S = 200; // pixels of a second, at least
const HEIGHT = 190;
const ROW = 34; // of the words below the picture
const LEAST_OCTAVES = 1.2;
const COLOURS_OF_SOUND = [[8, 10, 32], [48, 24, 96], [134, 38, 110], [228, 90, 62], [252, 196, 96], [255, 246, 214]];
const NOTHING = { pitch: 0, stretch: 1, gain: 0 };

function painted(sentence) {
  const bytes = bytesOf(sentence.mel);
  const { frames, bands } = sentence;
  const picture = new ImageData(frames, bands);
  for (let frame = 0; frame < frames; frame++) {
    for (let band = 0; band < bands; band++) {
      const place = 4 * ((bands - 1 - band) * frames + frame);
      picture.data.set([...colourOfSound(bytes[frame * bands + band] / 255), 255], place);
    }
  }
  const canvas = make("canvas", { class: "words-mel", width: frames, height: bands, role: "img" });
  canvas.setAttribute("aria-label", "Mel spectrogram");
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

function colourOfSound(loudness) {
  const place = loudness * (COLOURS_OF_SOUND.length - 1);
  const low = Math.min(Math.floor(place), COLOURS_OF_SOUND.length - 2);
  return COLOURS_OF_SOUND[low].map((from, at) => from + (place - low) * (COLOURS_OF_SOUND[low + 1][at] - from));
}

// Shows as much of a name as a box has room for
function fit(name, text, width) {
  name.textContent = text;
  for (let end = text.length - 1; end > 0 && name.getComputedTextLength() > width; end--) {
    name.textContent = `${text.slice(0, end)}…`;
  }
}

class Words {
  // `edits` are by the number of the word; `changed` is called with the word that was chosen or changed
  constructor(sentence, edits, ranges, changed) {
    Object.assign(this, { sentence, edits, ranges, changed, chosen: 0, groups: [] });
    // What was predicted, of which the edits are changes
    this.words = sentence.words.map((word, index) => {
      const edit = edits[index] || NOTHING;
      return {
        ...word,
        length: (word.end - word.start) / edit.stretch,
        f0: word.f0 && word.f0 / 2 ** (edit.pitch / 12),
        curve: sentence.f0[index].map(([time, hz]) => [time, hz / 2 ** (edit.pitch / 12)]),
        said: { ...edit },
      };
    });
    this.setScale();
    this.head = makeSvg("line", { class: "words-head", y1: 0, y2: HEIGHT + ROW });
    this.root = make("div", { class: "words" });
    this.draw();
  }

  setScale() {
    const heard = this.sentence.f0.flat().map(([, hz]) => Math.log2(hz));
    const low = Math.min(...heard);
    const high = Math.max(...heard);
    const octaves = Math.max(LEAST_OCTAVES, high - low + 0.8);
    this.lowest = heard.length ? (low + high) / 2 - octaves / 2 : 0;
    this.octave = HEIGHT / octaves;
  }

  y(hz) {
    return clamp(HEIGHT - (Math.log2(hz) - this.lowest) * this.octave, 4, HEIGHT - 4);
  }

  get second() {
    return this.width / this.sentence.seconds;
  }

  draw() {
    this.width = Math.max(this.root.clientWidth || 0, Math.round(WIDEST_S * this.sentence.seconds));
    const layer = makeSvg("svg", { width: this.width, height: HEIGHT + ROW, class: "words-layer" });
    const canvas = painted(this.sentence);
    canvas.style.width = `${this.width}px`;
    canvas.style.height = `${HEIGHT}px`;
    const inside = make("div", { class: "words-inside" }, canvas, layer);
    inside.style.width = `${this.width}px`;
    layer.append(...this.ticks());
    this.groups = this.words.map((word, index) => this.group(word, index));
    layer.append(...this.groups, this.head);
    this.root.replaceChildren(inside);
    this.words.forEach((_, index) => this.show(index));
  }

  ticks() {
    const marks = [50, 75, 100, 150, 200, 300, 400, 600];
    const inside = marks.filter((hz) => this.octave && this.y(hz) > 14 && this.y(hz) < HEIGHT - 8);
    return this.words.some((word) => word.f0) ? inside.map((hz) => this.tick(hz)) : [];
  }

  tick(hz) {
    const line = makeSvg("line", { x1: 0, x2: this.width, y1: this.y(hz), y2: this.y(hz) });
    const text = makeSvg("text", { x: 4, y: this.y(hz) - 3 }, `${hz} Hz`);
    return makeSvg("g", { class: "words-tick" }, line, text);
  }

  group(word, index) {
    const parts = {
      box: makeSvg("rect", { class: "words-box", y: HEIGHT + 4, height: ROW - 8, rx: 6 }),
      name: makeSvg("text", { class: "words-name", y: HEIGHT + ROW / 2 + 4 }, word.text),
      curve: makeSvg("polyline", { class: "words-f0" }),
    };
    const group = makeSvg("g", { class: "word" }, makeSvg("title", {}, word.text), parts.curve, parts.box, parts.name);
    group.parts = parts;
    group.addEventListener("pointerdown", () => this.choose(index));
    if (this.ranges) this.addHandles(group, word, index);
    return group;
  }

  addHandles(group, word, index) {
    const parts = group.parts;
    group.setAttribute("role", "slider");
    group.setAttribute("tabindex", 0);
    group.setAttribute("aria-label", `Pitch of ${word.text}: up and down; its length: left and right`);
    const [low, high] = this.ranges.pitch;
    group.setAttribute("aria-valuemin", low);
    group.setAttribute("aria-valuemax", high);
    parts.bar = makeSvg("rect", { class: "words-bar", height: 9, rx: 4.5 });
    parts.reach = makeSvg("rect", { class: "words-reach", height: 40 });
    parts.edge = makeSvg("circle", { class: "words-edge", r: 6 });
    parts.pull = makeSvg("rect", { class: "words-pull", height: 40 });
    group.append(parts.bar, parts.reach, parts.edge, parts.pull);
    this.drag(parts.reach, index, (dx, dy, begun) => ({ pitch: begun.pitch - (12 * dy) / this.octave }));
    this.drag(parts.pull, index, (dx, dy, begun) => ({ stretch: begun.stretch + dx / this.second / word.length }));
    group.addEventListener("focus", () => this.choose(index));
    group.addEventListener("keydown", (event) => this.press(event, index));
  }

  drag(handle, index, change) {
    let begun = null;
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      begun = { x: event.clientX, y: event.clientY, edit: { ...this.edit(index) } };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!begun || !handle.hasPointerCapture(event.pointerId)) return;
      this.set(index, change(event.clientX - begun.x, event.clientY - begun.y, begun.edit));
    });
    handle.addEventListener("lostpointercapture", () => (begun = null));
  }

  press(event, index) {
    const edit = this.edit(index);
    const steps = {
      ArrowUp: { pitch: edit.pitch + this.ranges.pitch[2] },
      ArrowDown: { pitch: edit.pitch - this.ranges.pitch[2] },
      ArrowRight: { stretch: edit.stretch + this.ranges.stretch[2] },
      ArrowLeft: { stretch: edit.stretch - this.ranges.stretch[2] },
    };
    if (!steps[event.key]) return;
    event.preventDefault();
    this.set(index, steps[event.key]);
  }

  edit(index) {
    return this.edits[index] || NOTHING;
  }

  choose(index) {
    this.chosen = index;
    this.words.forEach((_, other) => this.groups[other].classList.toggle("chosen", other === index));
    this.changed(index);
  }

  // Changes a word, in whole steps and within the ranges
  set(index, change) {
    const edit = { ...this.edit(index), ...change };
    for (const [name, [low, high, step]] of Object.entries(this.ranges)) {
      edit[name] = Number(clamp(Math.round(edit[name] / step) * step, low, high).toFixed(4));
    }
    this.edits[index] = edit;
    this.show(index);
    this.changed(index);
  }

  show(index) {
    const word = this.words[index];
    const edit = this.edit(index);
    const { box, name, curve, bar, reach, edge, pull } = this.groups[index].parts;
    const x = word.start * this.second;
    const width = Math.max(8, word.length * edit.stretch * this.second - 2);
    const factor = 2 ** (edit.pitch / 12);
    const spread = edit.stretch / word.said.stretch;
    const points = word.curve.map(([time, hz]) => [x + (time - word.start) * spread * this.second, this.y(hz * factor)]);
    curve.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    box.setAttribute("x", x);
    box.setAttribute("width", width);
    name.setAttribute("x", x + width / 2);
    fit(name, word.text, width);
    const isChanged = Object.keys(NOTHING).some((key) => edit[key] !== word.said[key]);
    this.groups[index].classList.toggle("edited", isChanged);
    this.groups[index].classList.toggle("chosen", index === this.chosen);
    if (!bar) return;
    const y = word.f0 ? this.y(word.f0 * factor) : HEIGHT / 2;
    for (const [part, at] of [[bar, y - 4.5], [reach, y - 20], [pull, y - 20]]) part.setAttribute("y", at);
    for (const part of [bar, reach]) {
      part.setAttribute("x", x);
      part.setAttribute("width", width);
    }
    edge.setAttribute("cx", x + width);
    edge.setAttribute("cy", y);
    // The end of its own word alone: the next word begins there
    const pulled = clamp(0.4 * width, 4, 20);
    pull.setAttribute("width", pulled);
    pull.setAttribute("x", x + width - pulled);
    this.groups[index].setAttribute("aria-valuenow", edit.pitch);
    this.groups[index].setAttribute("aria-valuetext", `${edit.pitch} semitones, ${edit.stretch} times as long`);
  }

  // Shows where the player is, in seconds of the sentence
  setHead(time) {
    const inside = time >= 0 && time <= this.sentence.seconds;
    const x = clamp(time, 0, this.sentence.seconds) * this.second;
    this.head.setAttribute("x1", x);
    this.head.setAttribute("x2", x);
    this.head.classList.toggle("outside", !inside);
  }
}
