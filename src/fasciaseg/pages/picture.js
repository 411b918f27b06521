"use strict";
/* A slice in a browser: its greys on a canvas, lines in mm above them, window and level. */
window.fasciaseg = window.fasciaseg || {};
(() => {
  const holder = document.createElement("div");
  holder.innerHTML = "<svg></svg>";
  const SVG = holder.firstChild.namespaceURI;

  /** An SVG element; `attributes` are set as they are. */
  function svg(name, attributes = {}, text = "") {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  }

  /** The filter that shows greys from `low` to `high` (0 to 1) as black to white.
      contrast(c) makes c·v + (1 - c)/2 of v, brightness(b) makes b·v: together any line. */
  function windowing(low, high) {
    const slope = 1 / Math.max(high - low, 0.02);
    const contrast = 1 + 2 * low * slope;
    return contrast > 0
      ? `brightness(${slope / contrast}) contrast(${contrast})`
      : `brightness(${slope})`;
  }

  /** Window and level of one page: the middle, the width, and who is to be told. */
  class Window {
    constructor(changed) { this.changed = changed; this.reset(); }
    reset() { this.level = 0.5; this.width = 1; this.changed?.(this); }
    move(level, width) {
      this.level = Math.min(1, Math.max(0, this.level + level));
      this.width = Math.min(1, Math.max(0.06, this.width + width));
      this.changed?.(this);
    }
    get filter() {
      if (this.level === 0.5 && this.width === 1) return "none";
      const low = Math.max(0, this.level - this.width / 2);
      return windowing(low, this.level + this.width / 2);
    }
  }

  /** One slice. `told` is its entry in drawing.js; `sheet` the image with all slices. */
  class Picture {
    constructor(told, sheet) {
      this.told = told;
      this.element = document.createElement("div");
      this.element.className = "picture";
      this.canvas = document.createElement("canvas");
      const [left, width, height] = told.px;
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.getContext("2d").drawImage(sheet, left, 0, width, height, 0, 0, width, height);
      this.overlay = svg("svg", { preserveAspectRatio: "none" });
      this.element.append(this.canvas, this.overlay);
      this.show([0, 0, ...told.size_mm]);
    }

    /** Show a part of the slice: left, top, width, height in mm. */
    show(box) {
      this.box = box;
      const [x, y, width, height] = box, [w, h] = this.told.size_mm, style = this.canvas.style;
      style.left = `${-100 * x / width}%`;
      style.top = `${-100 * y / height}%`;
      style.width = `${100 * w / width}%`;
      style.height = `${100 * h / height}%`;
      this.overlay.setAttribute("viewBox", box.join(" "));
    }

    /** Height on the slice, in mm, of the patient's axial plane at LPS z, at x. */
    y(z, x) { const [z0, zx, zy] = this.told.z; return (z - z0 - zx * x) / zy; }

    /** x of the fascia at LPS z: of the line where there is one, else behind the bodies. */
    fasciaX(z) {
      const [z0, zx, zy] = this.told.z;
      let best = null, away = Infinity;
      for (const [x, y] of this.told.fascia) {
        const d = Math.abs(z0 + zx * x + zy * y - z);
        if (d < away) { away = d; best = x; }
      }
      if (best !== null) return best;
      const bodies = this.told.bodies_list.map((b) => b[0]);
      return bodies.length ? Math.max(...bodies) + 65 : this.told.size_mm[0] / 2;
    }

    /** Size of letters on the picture, px: larger on larger ones, always to be read. */
    get lettering() {
      return Math.min(20, Math.max(10.5, this.element.offsetHeight / 48));
    }

    /** Lay all pictures of an exam out: `available` [width, height] px for `n` of them. */
    fit(available, n) {
      const aspect = this.box[2] / this.box[3];
      const width = Math.floor(Math.min(available[0] / n, available[1] * aspect));
      this.element.style.width = `${width}px`;
      this.element.style.height = `${Math.floor(width / aspect)}px`;
      return width / this.box[2];
    }
  }

  const points = (line) => line.map(([x, y]) => `${x},${y}`).join(" ");

  /** Bodies and back of a slice: what a reader looks at. All of it without bodies. */
  function interesting(told) {
    const [w, h] = told.size_mm, bodies = told.bodies_list, xs = bodies.map((b) => b[0]);
    if (!xs.length) return [0, 0, w, h];
    const backs = told.fascia.length ? told.fascia.map((p) => p[0]) : [Math.max(...xs) + 65];
    const left = Math.max(0, Math.min(...xs) - 28), right = Math.min(w, Math.max(...backs) + 42);
    return [left, 0, Math.max(20, right - left), h];
  }

  /** Resolves to a loaded image. */
  function image(source) {
    return new Promise((resolve, reject) => {
      const element = new Image();
      element.onload = () => resolve(element);
      element.onerror = () => reject(new Error("The picture can't be loaded."));
      element.src = source;
    });
  }

  Object.assign(window.fasciaseg, { svg, windowing, Window, Picture, points, interesting, image });
})();
