"use strict";

/* Two pictures over each other and a divider that says how much of the left one is seen. */
class Compare {
  constructor() {
    this.root = document.getElementById("compare");
    this.handle = document.getElementById("handle");
    this.sides = ["left", "right"].map((side) => ({
      picture: document.getElementById(`${side}-picture`),
      label: document.getElementById(`${side}-label`),
    }));
    this.root.addEventListener("pointerdown", (event) => this.grab(event));
    this.root.addEventListener("pointermove", (event) => this.drag(event));
    this.handle.addEventListener("keydown", (event) => this.press(event));
    this.moveTo(50);
  }

  /* Show two pictures: `left` and `right` have a caption and the address of a picture. */
  show(left, right, ratio) {
    this.root.style.setProperty("--ratio", ratio);
    [left, right].forEach(({ caption, address }, number) => {
      const { picture, label } = this.sides[number];
      if (picture.src !== address) picture.src = address;
      picture.alt = label.textContent = caption;
    });
    this.moveTo(this.split);
  }

  /* Put the divider so many per cent from the left. */
  moveTo(percent) {
    this.split = Math.min(100, Math.max(0, percent));
    this.root.style.setProperty("--split", `${this.split}%`);
    const [left, right] = this.sides.map(({ label }) => label.textContent);
    const share = Math.round(this.split);
    this.handle.setAttribute("aria-valuenow", share);
    this.handle.setAttribute("aria-valuetext", `${share} % ${left}, ${100 - share} % ${right}`);
  }

  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.root.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    this.follow(event);
  }

  drag(event) {
    if (this.root.hasPointerCapture(event.pointerId)) this.follow(event);
  }

  follow(event) {
    const { left, width } = this.root.getBoundingClientRect();
    this.moveTo((100 * (event.clientX - left)) / width);
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 2;
    const places = {
      ArrowLeft: this.split - step,
      ArrowDown: this.split - step,
      ArrowRight: this.split + step,
      ArrowUp: this.split + step,
      PageDown: this.split - 10,
      PageUp: this.split + 10,
      Home: 0,
      End: 100,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    this.moveTo(places[event.key]);
  }
}
