/* The frames of the report: which are listed, which one is shown, and which of its pictures lie left and right. */
class Browser {
  constructor() {
    this.index = JSON.parse(document.getElementById("index").textContent);
    this.compare = new Compare();
    this.sides = { left: null, right: null };
    this.listed = [];
    this.shown = null;
    this.remembers = false; // a page that was only opened keeps the address that it was opened by
    fill(
      at("score"),
      this.index.scores.map(({ key, title }) => [key, title]),
    );
    fill(at("fog"), [["*", "all"], ...this.index.fogs.map((fog) => [fog, fog || "as it is"])]);
    at("score-choice").hidden = this.index.scores.length < 1;
    at("fog-choice").hidden = this.index.fogs.length < 2;
    this.listen();
    if (!this.follow()) this.list();
    this.remembers = true;
  }

  listen() {
    for (const id of ["score", "fog"]) at(id).addEventListener("change", () => this.list());
    at("filter").addEventListener("input", () => this.list());
    for (const side of ["left", "right"]) {
      at(side).addEventListener("change", (event) => this.look({ [side]: event.target.value }));
    }
    at("swap").addEventListener("click", () => this.swap());
    at("previous").addEventListener("click", () => this.step(-1));
    at("next").addEventListener("click", () => this.step(1));
    addEventListener("hashchange", () => this.follow());
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select")) return;
      const action = { n: () => this.step(1), p: () => this.step(-1), s: () => this.swap() }[event.key.toLowerCase()];
      if (action) action();
    });
  }

  /* List the frames that the choices leave, worst first, and show the first unless the one that is shown is listed. */
  list() {
    const score = at("score").value;
    const fog = at("fog").value;
    const wanted = at("filter").value.trim().toLowerCase();
    const worth = (frame) => frame.scores[score] ?? Infinity;
    this.listed = this.index.frames
      .filter((frame) => (fog === "*" || frame.fog === fog) && frame.name.toLowerCase().includes(wanted))
      .sort((first, second) => worth(first) - worth(second) || 0);
    at("thumbnails").replaceChildren(...this.listed.map((frame) => this.entry(frame, score)));
    at("nothing").hidden = this.listed.length > 0;
    at("count").textContent = `${this.listed.length} of ${this.index.frames.length}`;
    if (this.listed.includes(this.shown)) this.mark();
    else if (this.listed.length) this.show(this.listed[0]);
  }

  entry(frame, score) {
    const picture = make("img", { alt: "", loading: "lazy", decoding: "async", src: frame.thumbnail });
    picture.style.aspectRatio = frame.ratio;
    const facts = make("span", { className: "muted" }, [frame.fog, frame.words[score]].filter(Boolean).join(" · "));
    const words = make("span", { className: "words" }, make("b", {}, frame.name), facts);
    const button = make("button", { type: "button" }, picture, words);
    button.addEventListener("click", () => this.show(frame));
    return make("li", {}, button);
  }

  step(by) {
    const frame = this.listed[this.listed.indexOf(this.shown) + by];
    if (frame) this.show(frame);
  }

  /* Show a frame; the sides stay what they are where it has such pictures. */
  show(frame, sides = {}) {
    this.shown = frame;
    at("name").textContent = [frame.name, frame.fog].filter(Boolean).join(" · ");
    const captions = Object.keys(frame.pictures);
    for (const side of ["left", "right"]) {
      fill(
        at(side),
        captions.map((caption) => [caption, caption]),
      );
    }
    const wanted = { ...this.sides, ...sides };
    const known = (caption, otherwise) => (Object.hasOwn(frame.pictures, caption ?? "") ? caption : otherwise);
    const left = known(wanted.left, captions[0]);
    this.look({ left, right: known(wanted.right, captions[Math.min(1, captions.length - 1)]) });
    this.mark();
  }

  /* Put pictures of the shown frame left and right. */
  look(sides) {
    Object.assign(this.sides, sides);
    const { left, right } = this.sides;
    at("left").value = left;
    at("right").value = right;
    const picture = (caption) => ({ caption, address: at(`picture-${this.shown.pictures[caption].number}`).textContent });
    this.compare.show(picture(left), picture(right), this.shown.ratio);
    this.showKinds();
    this.showFigures();
    if (!this.remembers) return;
    const place = new URLSearchParams({ frame: this.shown.name, fog: this.shown.fog, left, right });
    history.replaceState(null, "", `#${place}`);
  }

  swap() {
    this.look({ left: this.sides.right, right: this.sides.left });
  }

  /* One button for each kind of picture that both sides have: it changes the kind on both. */
  showKinds() {
    const { pictures } = this.shown;
    const sides = [this.sides.left, this.sides.right];
    const kinds = [...new Set(Object.values(pictures).map(({ kind }) => kind))];
    const twin = (caption, kind) =>
      Object.keys(pictures).find((other) => pictures[other].of === pictures[caption].of && pictures[other].kind === kind);
    const reachable = kinds.filter((kind) => sides.every((caption) => twin(caption, kind) !== undefined));
    const buttons = reachable.map((kind) => {
      const isShown = sides.every((caption) => pictures[caption].kind === kind);
      const button = make("button", { type: "button", ariaPressed: isShown }, kind || "picture");
      button.addEventListener("click", () =>
        this.look({ left: twin(this.sides.left, kind), right: twin(this.sides.right, kind) }),
      );
      return button;
    });
    at("kinds").replaceChildren(...(buttons.length > 1 ? buttons : []));
    at("classes").hidden = !this.index.classes.length || sides.every((caption) => !pictures[caption].kind);
    const entries = this.index.classes.map(({ name, color }) => {
      const swatch = make("span", { className: "color" });
      swatch.style.background = color;
      return make("span", {}, swatch, name);
    });
    at("classes").replaceChildren(...entries);
  }

  showFigures() {
    const { titles, figures } = this.shown;
    if (!figures.length) return at("frame-figures").replaceChildren();
    const head = make("tr", {}, make("th"), ...titles.map((title) => make("th", { className: "number" }, title)));
    const seen = [this.sides.left, this.sides.right].map((caption) => this.shown.pictures[caption].of);
    const lines = figures.map(([name, ...values]) => {
      const cells = values.map((value) => make("td", { className: "number" }, value));
      return make("tr", { className: seen.includes(name) ? "seen" : "" }, make("th", { scope: "row" }, name), ...cells);
    });
    at("frame-figures").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
  }

  /* Mark the shown frame in the list and bring it into sight there. */
  mark() {
    [...at("thumbnails").children].forEach((entry, number) => {
      const button = entry.firstElementChild;
      const isShown = this.listed[number] === this.shown;
      button.toggleAttribute("aria-current", isShown);
      if (!isShown) return;
      const list = at("thumbnails");
      const [box, own] = [list.getBoundingClientRect(), entry.getBoundingClientRect()];
      if (own.top < box.top || own.bottom > box.bottom) list.scrollTop += own.top - box.top;
      if (own.left < box.left || own.right > box.right) list.scrollLeft += own.left - box.left;
    });
    at("previous").disabled = this.listed[0] === this.shown;
    at("next").disabled = this.listed.at(-1) === this.shown;
  }

  /* Show what the address names: #frame=NAME&fog=…&left=…&right=…, all but the first optional. Say whether it does. */
  follow() {
    const place = new URLSearchParams(location.hash.slice(1));
    const named = this.index.frames.filter(({ name }) => name === place.get("frame"));
    const frame = named.find(({ fog }) => fog === place.get("fog")) ?? named[0];
    if (!frame) return false;
    if (!this.listed.includes(frame)) {
      at("fog").value = "*";
      at("filter").value = "";
      this.shown = frame;
      this.list();
    }
    this.show(frame, { left: place.get("left") ?? this.sides.left, right: place.get("right") ?? this.sides.right });
    at("viewer").scrollIntoView();
    return true;
  }
}

function at(id) {
  return document.getElementById(id);
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

new Browser();
