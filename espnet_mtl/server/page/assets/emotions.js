// The wheel of emotions: each has a place on the rim, neutral is in the middle, or all alike where there is no neutral.
// The point and the sliders say the same: weights that sum to 1.
const COLOURS = {
  angry: "#dc2f3c", anger: "#dc2f3c", happy: "#e8a200", happiness: "#e8a200", sad: "#3b6fd4", sadness: "#3b6fd4",
  surprised: "#b14fc5", surprise: "#b14fc5", fear: "#1b9a8a", fearful: "#1b9a8a", disgust: "#5f9e2f", neutral: "#8591a5",
};
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const ARROW_STEP = 0.05;

class Wheel {
  constructor(names, neutral) {
    this.names = names;
    this.neutral = neutral;
    this.rim = names.filter((name) => name !== neutral);
    const share = 1 / names.length;
    this.weights = Object.fromEntries(names.map((name) => [name, neutral ? Number(name === neutral) : share]));
    this.point = [0, 0];
  }

  // From the top on; of four, two would stand left and right, where a phone has no room for their names
  get turned() {
    return this.rim.length % 4 ? 0 : Math.PI / this.rim.length;
  }

  angle(index) {
    return (2 * Math.PI * index) / this.rim.length - Math.PI / 2 + this.turned;
  }

  place(index) {
    return [Math.cos(this.angle(index)), Math.sin(this.angle(index))];
  }

  // The point in the unit circle lies between two emotions of the rim; how far out says how much of them there is
  setPoint(x, y) {
    const far = Math.hypot(x, y);
    const out = Math.min(1, far);
    this.point = far > 1 ? [x / far, y / far] : [x, y];
    const turn = ((Math.atan2(y, x) + Math.PI / 2 - this.turned) / (2 * Math.PI) + 2) % 1;
    const between = far ? turn * this.rim.length : 0;
    const first = Math.floor(between) % this.rim.length;
    const second = (first + 1) % this.rim.length;
    const rest = this.neutral ? 0 : (1 - out) / this.names.length;
    for (const name of this.names) this.weights[name] = rest;
    if (this.neutral) this.weights[this.neutral] = 1 - out;
    this.weights[this.rim[first]] += out * (1 - (between % 1));
    this.weights[this.rim[second]] += out * (between % 1);
  }

  // Where the point is for these weights: as setPoint has it, or the mean of the places of all emotions
  pointOfWeights() {
    const rest = this.neutral ? 0 : Math.min(...Object.values(this.weights));
    const own = this.rim.map((name) => this.weights[name] - rest);
    const out = own.reduce((sum, weight) => sum + weight, 0);
    const heard = own.flatMap((weight, index) => (weight > 1e-6 ? [index] : []));
    const last = this.rim.length - 1;
    const [first, second] = heard[0] === 0 && heard[1] === last && last > 1 ? [last, 0] : heard;
    if (!heard.length) return [0, 0];
    if (heard.length === 1) return this.place(first).map((value) => value * out);
    if (heard.length === 2 && (first + 1) % this.rim.length === second) {
      const angle = this.angle(first) + ((own[second] / out) * 2 * Math.PI) / this.rim.length;
      return [out * Math.cos(angle), out * Math.sin(angle)];
    }
    const places = own.map((weight, index) => this.place(index).map((value) => value * weight));
    return [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0));
  }

  // Sets one weight; the others share the rest as they did
  setWeight(name, weight) {
    const others = this.names.filter((other) => other !== name);
    const before = others.reduce((sum, other) => sum + this.weights[other], 0);
    if (!others.length) return;
    for (const other of others) {
      const share = before > 1e-6 ? this.weights[other] / before : this.shareOfRest(other, name, others.length);
      this.weights[other] = (1 - weight) * share;
    }
    this.weights[name] = weight;
    this.point = this.pointOfWeights();
  }

  shareOfRest(other, name, count) {
    const allToNeutral = this.neutral && this.neutral !== name;
    return allToNeutral ? Number(other === this.neutral) : 1 / count;
  }
}

function colourOf(name, index, count) {
  return COLOURS[name.toLowerCase()] || `hsl(${Math.round((360 * index) / count)} 60% 50%)`;
}

window.espnetMtl.emotions = (element, props) => {
  const { emotions, neutral } = props.value;
  const wheel = new Wheel(emotions, neutral);
  const colours = Object.fromEntries(emotions.map((name, index) => [name, colourOf(name, index, emotions.length)]));
  const point = make("div", { class: "emotion-point" });
  const mark = make("div", { class: "emotion-mark", role: "img", hidden: "" });
  const disc = make("div", { class: "emotion-disc" }, make("div", { class: "emotion-centre" }), mark, point);
  const plane = make("div", {
    class: "emotion-plane", role: "slider", tabindex: 0, "aria-label": "Emotion: arrow keys move the point",
    "aria-valuemin": 0, "aria-valuemax": 100,
  }, disc);
  const sliders = make("div", { class: "emotion-sliders" });
  const percent = (value) => `${Math.round(value)} %`;
  const rows = emotions.map((name) => {
    const row = makeSlider(name, [0, 100, 1], percent, (value) => {
      wheel.setWeight(name, value / 100);
      show();
    });
    row.style.setProperty("--colour", colours[name]);
    sliders.append(row);
    return row;
  });

  const rim = wheel.rim.map((name, index) => {
    const [x, y] = wheel.place(index);
    const button = make("button", { type: "button", class: "emotion-name", tabindex: -1 }, name);
    button.style.setProperty("--colour", colours[name]);
    button.style.left = `${50 + 50 * x}%`;
    button.style.top = `${50 + 50 * y}%`;
    button.style.transform = `translate(${-50 + 56 * x}%, ${-50 + 78 * y}%)`;
    button.addEventListener("click", () => {
      wheel.setPoint(x, y);
      show();
    });
    return button;
  });
  plane.append(...rim);
  const around = wheel.rim.map((name) => colours[name]);
  disc.style.setProperty("--rim", `conic-gradient(from ${wheel.turned}rad, ${[...around, around[0]].join(", ")})`);

  function put(element, [x, y]) {
    element.style.left = `${50 + 50 * x}%`;
    element.style.top = `${50 + 50 * y}%`;
  }

  const listed = (weights) => {
    const heard = emotions.filter((name) => weights[name] >= 0.005);
    return heard.map((name) => `${name} ${percent(100 * weights[name])}`).join(", ");
  };

  function show() {
    const [x, y] = wheel.point;
    put(point, wheel.point);
    emotions.forEach((name, index) => rows[index].set(100 * wheel.weights[name]));
    plane.setAttribute("aria-valuetext", listed(wheel.weights));
    plane.setAttribute("aria-valuenow", Math.round(100 * Math.hypot(x, y)));
    window.espnetMtl.weights = { ...wheel.weights };
  }

  function follow(event) {
    const box = disc.getBoundingClientRect();
    wheel.setPoint((2 * (event.clientX - box.left)) / box.width - 1, (2 * (event.clientY - box.top)) / box.height - 1);
    show();
  }

  disc.addEventListener("pointerdown", (event) => {
    disc.setPointerCapture(event.pointerId);
    plane.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  disc.addEventListener("pointermove", (event) => {
    if (disc.hasPointerCapture(event.pointerId)) follow(event);
  });
  plane.addEventListener("keydown", (event) => {
    const [x, y] = wheel.point;
    const [right, down] = ARROWS[event.key] || [0, 0];
    if (event.key === "Home") wheel.setPoint(0, 0);
    else if (ARROWS[event.key]) wheel.setPoint(x + ARROW_STEP * right, y + ARROW_STEP * down);
    else return;
    event.preventDefault();
    show();
  });

  const root = element.querySelector(".emotion");

  // Marks what was read of a recording or a face (null: nothing), and that the point counts for nothing beside them
  window.espnetMtl.mark = (weights, from) => {
    mark.hidden = !weights;
    root.classList.toggle("replaced", Object.values(window.espnetMtl.files).some(Boolean));
    if (!weights) return;
    put(mark, Object.assign(new Wheel(emotions, neutral), { weights }).pointOfWeights());
    mark.setAttribute("aria-label", `The emotion of the ${from}: ${listed(weights)}`);
    mark.title = mark.getAttribute("aria-label");
  };

  root.replaceChildren(...(rim.length ? [plane] : []), sliders);
  show();
};
