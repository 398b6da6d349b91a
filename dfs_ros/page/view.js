"use strict";

const RECONNECT_MS = [500, 1000, 2000, 4000];
const LEVELS = ["OK", "warning", "error", "stale"];
const WORDS = { waiting: "waiting", clear: "no fog", off: "off", dehazing: "live", warning: "warning", stale: "stale", error: "error" };
const TICKS_M = [20, 50, 100, 200, 500, 1000, 2000, 5000];
const FOGS = [[50, "dense fog"], [200, "thick fog"], [500, "moderate fog"], [1000, "light fog"], [2000, "mist"]];
const FIGURES = [
  ["Frames in", "rate in Hz", " / s"],
  ["Frames out", "rate out Hz", " / s"],
  ["Latency, median", "latency p50 ms", " ms"],
  ["Latency, 95 %", "latency p95 ms", " ms"],
  ["Model", "model p50 ms", " ms"],
  ["Superseded", "superseded", ""],
  ["Refused", "refused", ""],
  ["Failed", "failed", ""],
  ["Passed as clear", "passed as clear", ""],
  ["Backend", "backend", ""],
  ["Network", "model", ""],
];

const at = (id) => document.getElementById(id);

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/* One camera's frames: asks for the next when the last is drawn, and connects again when cut off. */
class Stream {
  constructor(camera, onAnswer, onLost) {
    this.address = `${location.protocol.replace("http", "ws")}//${location.host}/stream/${camera}`;
    this.onAnswer = onAnswer;
    this.onLost = onLost;
    this.failures = 0;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.socket.send("");
    this.socket.onmessage = async ({ data }) => {
      const socket = this.socket;
      this.failures = 0;
      await this.onAnswer(...unpack(data));
      if (socket.readyState === WebSocket.OPEN) socket.send("");
    };
    this.socket.onclose = () => {
      this.onLost();
      this.timer = setTimeout(() => this.connect(), RECONNECT_MS[Math.min(this.failures++, RECONNECT_MS.length - 1)]);
    };
  }

  close() {
    clearTimeout(this.timer);
    this.socket.onclose = this.socket.onmessage = null;
    this.socket.close();
  }
}

/* Return the header of an answer and its pictures: 4 bytes of length, JSON, then the bytes of each. */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = 4 + length;
  const pictures = header.sizes.map((size) => new Blob([new Uint8Array(buffer, (start += size) - size, size)]));
  return [header, pictures];
}

/* Camera and dehazed of one stamp over each other, drawn in one go so that they never differ in time. */
async function draw(pictures) {
  const images = await Promise.all(pictures.map((picture) => (picture.size ? createImageBitmap(picture) : null)));
  await new Promise((drawn) => requestAnimationFrame(drawn));
  ["before", "after", "mask"].forEach((id, number) => {
    const canvas = at(id), image = images[number];
    if (image === null) return void (canvas.width = canvas.width); // which clears it
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, image.width, image.height);
    context.drawImage(image, 0, 0);
    image.close();
  });
  const { width, height } = at("before");
  at("compare").style.setProperty("--ratio", `${width} / ${height}`);
  at("compare").style.setProperty("--ratio-number", width / height);
  document.body.classList.add("has-picture");
}

function showState(state, words) {
  document.body.dataset.state = state;
  at("state-word").textContent = WORDS[state] ?? state;
  if (at("state-words").textContent !== words) at("state-words").textContent = words;
  at("right-label").textContent = state === "clear" || state === "off" ? "as it came" : "dehazed";
}

/* Return where a visibility lies on the gauge, in per cent. */
function place(metres) {
  const [low, high] = [TICKS_M[0], TICKS_M[TICKS_M.length - 1]].map(Math.log);
  return (100 * (Math.min(Math.max(Math.log(metres), low), high) - low)) / (high - low);
}

function showVisibility(metres) {
  const known = metres !== null;
  const text = !known ? "–" : metres > 5000 ? "> 5 km" : `${Math.round(metres)} m`;
  const fog = known ? (FOGS.find(([below]) => metres < below)?.[1] ?? "clear") : "";
  at("visibility").textContent = text;
  at("fog").textContent = fog;
  at("needle").hidden = !known;
  if (known) at("gauge").style.setProperty("--place", `${place(metres)}%`);
  at("gauge").setAttribute("aria-valuenow", known ? Math.round(Math.min(Math.max(metres, 20), 5000)) : 20);
  at("gauge").setAttribute("aria-valuetext", known ? `${text}, ${fog}` : "unknown");
}

function row(name, value) {
  const line = document.createElement("tr");
  const head = element("th", name);
  head.scope = "row";
  line.append(head, element("td", value));
  return line;
}

function showDiagnostics({ level, report, values }) {
  at("level").textContent = level === null ? "" : LEVELS[level] ?? "";
  at("report").textContent = report || "No report yet.";
  const known = FIGURES.filter(([, key]) => key in values && values[key] !== "" && values[key] !== "nan");
  at("figures").replaceChildren(...known.map(([name, key, unit]) => row(name, rounded(values[key], unit))));
  at("all-figures").replaceChildren(...Object.entries(values).map(([name, value]) => row(name, value)));
}

function rounded(text, unit) {
  return unit ? `${Number(text).toFixed(Number(text) < 10 ? 1 : 0)}${unit}` : text;
}

function showClasses(classes) {
  at("classes").replaceChildren(...classes.map(({ name, color, share }) => {
    const item = element("li", `${name} ${Math.round(100 * share)} %`);
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    square.setAttribute("width", "100%");
    square.setAttribute("height", "100%");
    square.setAttribute("fill", `rgb(${color})`);
    swatch.setAttribute("aria-hidden", "true");
    swatch.append(square);
    item.prepend(swatch);
    return item;
  }));
}

let lastReport = "";

async function onAnswer(header, pictures) {
  if (pictures.length) {
    try {
      await draw(pictures);
      showClasses(header.classes);
      at("stamp").textContent = `frame ${header.number} · stamp ${header.stamp}`;
      document.body.dataset.frame = header.number;
    } catch {
      showState("warning", "This frame cannot be shown: the browser cannot read its picture.");
      return;
    }
  }
  showState(header.state, header.words);
  showVisibility(header.visibility_m);
  const report = JSON.stringify([header.level, header.report, header.values]);
  if (report !== lastReport) showDiagnostics(header);
  lastReport = report;
}

function moveDivider() {
  const percent = Number(at("divider").value);
  at("compare").style.setProperty("--split", `${percent}%`);
  at("divider").setAttribute("aria-valuetext", `${percent} % camera, ${100 - percent} % dehazed`);
}

function showOverlay() {
  at("mask").hidden = at("classes").hidden = !at("overlay").checked;
  at("compare").style.setProperty("--opacity", at("opacity").value / 100);
}

/* A page that nobody sees asks for nothing. */
let stream = null;
function follow() {
  stream?.close();
  stream = document.hidden ? null : new Stream(at("camera").value || 0, onAnswer, () =>
    showState("lost", "The viewer does not answer: it has ended, or the network is down. Trying again."));
}

async function start() {
  at("ticks").append(...TICKS_M.map((metres) => {
    const tick = element("li", metres < 1000 ? metres : `${metres / 1000} km`);
    tick.style.left = `${place(metres)}%`;
    return tick;
  }));
  at("divider").addEventListener("input", moveDivider);
  at("overlay").addEventListener("change", showOverlay);
  at("opacity").addEventListener("input", showOverlay);
  at("camera").addEventListener("change", () => {
    document.body.classList.remove("has-picture");
    follow();
  });
  document.addEventListener("visibilitychange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.altKey || event.metaKey) return;
    at("overlay").checked = !at("overlay").checked;
    showOverlay();
  });
  moveDivider();
  showOverlay();
  const cameras = await (await fetch("/cameras")).json();
  at("camera").append(...cameras.map((name, number) => Object.assign(element("option", name), { value: number })));
  at("camera-choice").hidden = cameras.length < 2;
  document.title = `DFS live · ${cameras[0]}`;
  follow();
}

start().catch((error) => showState("error", `The page cannot start: ${error.message}`));
