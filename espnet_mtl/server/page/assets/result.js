// What was said: a player, a picture of each sentence, and its words to edit.
const FILES = ["wav", "flac", "mp3"];
const SIGNED = (value, unit) => `${value > 0 ? "+" : ""}${Number(value.toFixed(2))} ${unit}`;
const EDIT_SLIDERS = {
  pitch: ["Pitch", (value) => SIGNED(value, "st")],
  stretch: ["Length", (value) => `× ${Number(value.toFixed(2))}`],
  gain: ["Loudness", (value) => SIGNED(value, "dB")],
};
const EMPTY = "Press Speak: what is said is shown here, with its spectrogram, its pitch and its words.";

class Result {
  // `before` is what was shown before: where the same was said with other edits, the same word stays chosen
  constructor(root, said, trigger, before) {
    Object.assign(this, { root, said, trigger, edits: said.sentences.map(() => ({})) });
    for (const { sentence, word, pitch, stretch, gain } of said.edits) {
      this.edits[sentence || 0][word] = { ...NOTHING, ...defined({ pitch, stretch, gain }) };
    }
    window.espnetMtl.said = said.said;
    this.bytes = bytesOf(said.audio);
    this.audio = make("audio", { preload: "auto" });
    this.url = URL.createObjectURL(new Blob([this.bytes], { type: "audio/wav" }));
    this.audio.src = this.url;
    this.picture = make("div", { class: "result-picture" });
    root.replaceChildren(this.player(), this.sentences(), this.picture, ...(said.ranges ? [this.editor()] : []));
    const again = before && before.texts === this.texts;
    this.following = !again;
    this.open(again ? before.opened : 0, again ? before.words.chosen : 0);
    this.collect();
    this.audio.play().catch(() => {}); // a browser may want a click on the player first
  }

  get texts() {
    return this.said.sentences.map((sentence) => sentence.text).join(" ");
  }

  player() {
    const play = make("button", { type: "button", class: "result-play", "aria-label": "Play" });
    play.addEventListener("click", () => {
      this.following = true;
      return this.audio.paused ? this.audio.play() : this.audio.pause();
    });
    const seek = make("input", { type: "range", min: 0, max: this.said.seconds, step: 0.01, value: 0 });
    seek.setAttribute("aria-label", "Position");
    seek.addEventListener("input", () => (this.audio.currentTime = Number(seek.value)));
    const time = make("output", { class: "result-time" });
    const files = make("div", { class: "result-files", role: "group", "aria-label": "Download" });
    files.append(...FILES.map((kind) => this.file(kind)));
    const follow = () => {
      const now = this.audio.ended ? 0 : this.audio.currentTime;
      seek.value = now;
      seek.style.setProperty("--filled", `${(100 * now) / this.said.seconds}%`);
      time.textContent = `${now.toFixed(1)} / ${this.said.seconds.toFixed(1)} s`;
      play.classList.toggle("playing", !this.audio.paused);
      play.setAttribute("aria-label", this.audio.paused ? "Play" : "Pause");
      this.follow(now);
      if (!this.audio.paused && this.root.isConnected) requestAnimationFrame(follow);
    };
    for (const event of ["play", "pause", "seeked", "ended"]) this.audio.addEventListener(event, follow);
    queueMicrotask(follow);
    return make("div", { class: "result-player" }, play, seek, time, files);
  }

  file(kind) {
    const button = make("button", { type: "button", title: `Download as ${kind.toUpperCase()}` }, kind.toUpperCase());
    button.addEventListener("click", () => {
      if (kind === "wav") return download(this.bytes, "speech.wav");
      window.espnetMtl.kind = kind;
      this.trigger("save");
    });
    return button;
  }

  // Shows the sentence that is being played
  follow(now) {
    if (!this.words) return;
    const playing = this.said.sentences.findLastIndex((sentence) => sentence.start <= now);
    if (this.following && !this.audio.paused && playing >= 0 && playing !== this.opened) this.open(playing);
    this.words.setHead(now - this.said.sentences[this.opened].start);
  }

  sentences() {
    const list = make("div", { class: "result-sentences", role: "group", "aria-label": "Sentences" });
    this.chips = this.said.sentences.map((sentence, index) => {
      const chip = make("button", { type: "button" }, sentence.text);
      chip.addEventListener("click", () => {
        this.audio.pause();
        this.audio.currentTime = sentence.start;
        this.open(index);
      });
      return chip;
    });
    if (this.chips.length > 1) list.append(...this.chips);
    return list;
  }

  open(index, chosen = 0) {
    this.opened = index;
    this.chips.forEach((chip, other) => chip.setAttribute("aria-pressed", String(other === index)));
    const sentence = this.said.sentences[index];
    this.words = new Words(sentence, this.edits[index], this.said.ranges, (word) => this.showEdit(word));
    this.words.chosen = chosen;
    this.picture.replaceChildren(this.words.root);
    this.words.draw();
    if (this.words.words.length) this.showEdit(this.words.chosen);
  }

  editor() {
    this.chosen = make("strong");
    this.sliders = {};
    for (const [name, [label, unit]] of Object.entries(EDIT_SLIDERS)) {
      const change = (value) => this.words.set(this.words.chosen, { [name]: value });
      this.sliders[name] = makeSlider(label, this.said.ranges[name], unit, change);
    }
    const reset = make("button", { type: "button" }, "Undo all");
    reset.addEventListener("click", () => {
      this.edits = this.said.sentences.map(() => ({}));
      // Kept open: what was said stays as it is until it is said again
      this.words.edits = this.edits[this.opened];
      this.words.words.forEach((_, index) => this.words.show(index));
      this.showEdit(this.words.chosen);
    });
    this.again = make("button", { type: "button", class: "result-again" }, "Say it again");
    this.again.addEventListener("click", () => this.trigger("again"));
    const help = make("span", { class: "result-help" }, "Drag a word up or down, or its end; or move the sliders.");
    const head = make("div", { class: "result-chosen" }, "Edit ", this.chosen, help);
    const buttons = make("div", { class: "result-buttons" }, reset, this.again);
    return make("div", { class: "result-editor" }, head, ...Object.values(this.sliders), buttons);
  }

  showEdit(word) {
    if (!this.said.ranges || !this.words) return;
    this.chosen.textContent = this.words.words[word].text;
    for (const [name, slider] of Object.entries(this.sliders)) slider.set(this.words.edit(word)[name]);
    this.collect();
  }

  // Gathers all edits, as the server takes them
  collect() {
    const edits = [];
    this.edits.forEach((words, sentence) => {
      for (const [word, edit] of Object.entries(words)) {
        const changes = Object.entries(edit).filter(([name, value]) => value !== NOTHING[name]);
        if (changes.length) edits.push({ sentence, word: Number(word), ...Object.fromEntries(changes) });
      }
    });
    window.espnetMtl.edits = edits;
  }

  close() {
    this.audio.pause();
    URL.revokeObjectURL(this.url);
  }
}

function defined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

window.espnetMtl.result = (element, props, watch, trigger) => {
  const root = element.querySelector(".result");
  let shown = null;
  const show = () => {
    if (shown) shown.close();
    shown = props.value ? new Result(root, props.value, trigger, shown) : null;
    if (shown) window.espnetMtl.mark(props.value.read, props.value.from);
    if (!shown) root.replaceChildren(make("p", { class: "result-empty" }, EMPTY));
  };
  watch("value", show);
  show();
  new ResizeObserver(() => shown && shown.words.root.isConnected && shown.words.draw()).observe(element);
};
