"use strict";
/* The pictures of one exam as a reader marks them: territories, bodies, pointer. */
(() => {
  const { svg, Window, Picture, points, interesting, image } = window.fasciaseg;

  class Stage {
    /** `on` is told of everything: mark(row, on), pick(body), hover(row). */
    constructor(element, on) {
      this.element = element;
      this.on = on;
      this.pictures = [];
      this.alone = null;
      this.whole = false;
      this.lines = true;
      this.window = new Window((w) => {
        for (const p of this.pictures) p.canvas.style.filter = w.filter;
      });
      this.drag = null;
      new ResizeObserver(() => this.fit()).observe(element);
      element.addEventListener("pointerdown", (event) => this.down(event));
      element.addEventListener("pointermove", (event) => this.move(event));
      for (const end of ["pointerup", "pointercancel"]) {
        element.addEventListener(end, () => { this.drag = null; });
      }
      element.addEventListener("contextmenu", (event) => event.preventDefault());
    }

    async load(view, source) {
      this.view = view;
      this.alone = null;
      if (!view.slices.length) {
        this.pictures = [];
        this.element.replaceChildren(...view.pages.map((page) => {
          const element = new Image();
          element.src = source(page);
          element.alt = "A slice with marks";
          element.className = "page";
          return element;
        }));
        return;
      }
      this.pictures = [];
      const sheet = await image(source("plain.png"));
      if (this.view !== view) return;
      this.pictures = view.slices.map((told) => {
        told.bodies_list = told.bodies.filter(Boolean);
        return new Picture(told, sheet);
      });
      this.element.replaceChildren(...this.pictures.map((p) => p.element));
      this.window.reset();
      this.fit();
    }

    /** Draw again with what is known now: levels, marks, the row under the cursor. */
    draw(view, marked, cursor) {
      Object.assign(this, { view, marked, cursor });
      for (const picture of this.pictures) this.drawOn(picture);
    }

    drawOn(picture) {
      const { told, overlay, box } = picture, { territories, bodies, named } = this.view;
      const scale = picture.scale || 2, parts = [];
      const size = picture.lettering / scale;
      const right = box[0] + box[2];
      territories.forEach((t, row) => {
        const left = picture.fasciaX((t.upper + t.lower) / 2) - 30;
        const at = (z, x) => [x, picture.y(z, x)];
        const shape = [at(t.upper, left), at(t.upper, right), at(t.lower, right), at(t.lower, left)];
        const marked = named && this.marked.has(t.level);
        const names = ["strip", marked && "marked", row === this.cursor && "cursor"];
        parts.push(svg("polygon", {
          class: names.filter(Boolean).join(" "), points: points(shape), "data-row": row,
        }));
        if (marked) {
          const bar = right - 7 / scale;
          const edge = [at(t.upper, bar), at(t.upper, right), at(t.lower, right), at(t.lower, bar)];
          parts.push(svg("polygon", { class: "bar", points: points(edge) }));
        }
        const [x, y] = at((t.upper + t.lower) / 2, right - size * 1.9);
        parts.push(svg("text", {
          class: marked ? "name level on" : "name level", x, y, "font-size": size * 1.15,
          "stroke-width": size / 4,
        }, named ? t.level : "?"));
      });
      if (this.lines) {
        // The lower boundary of a level is the upper one of the next: drawn once.
        for (const z of new Set(territories.flatMap((t) => [t.upper, t.lower]))) {
          const left = picture.fasciaX(z) - 30;
          const line = [[left, picture.y(z, left)], [right, picture.y(z, right)]];
          parts.push(svg("polyline", { class: "boundary", points: points(line) }));
        }
        const outlined = told.edema || [];
        if (this.view.software && told.fascia.length > 1) {
          parts.push(svg("polyline", { class: "traced", points: points(told.fascia) }));
        }
        for (const line of outlined) {
          parts.push(svg("polyline", { class: "outlined", points: points(line) }));
        }
        told.bodies.forEach((xy, i) => {
          if (!xy) return;
          const name = named ? bodies[i].level || "–" : String(bodies.length - i);
          const group = svg("g", { class: "body", "data-body": i });
          group.append(
            svg("circle", { cx: xy[0], cy: xy[1], r: size * 0.82 }),
            svg("text", {
              class: "name", x: xy[0], y: xy[1], "font-size": size, "stroke-width": size / 4,
            }, name),
          );
          parts.push(group);
        });
      }
      overlay.replaceChildren(...parts);
    }

    fit() {
      if (!this.pictures.length || !this.element.clientWidth) return;
      const shown = this.pictures.filter((_, i) => this.alone === null || this.alone === i);
      const gap = 6 * (shown.length - 1);
      const room = [this.element.clientWidth - gap, this.element.clientHeight];
      this.pictures.forEach((picture) => {
        picture.element.hidden = !shown.includes(picture);
        picture.show(this.whole ? [0, 0, ...picture.told.size_mm] : interesting(picture.told));
        picture.scale = picture.fit(room, shown.length);
      });
      if (this.marked) this.draw(this.view, this.marked, this.cursor);
    }

    /** One slice only (0 to 2), or all (null). */
    only(index) { this.alone = index; this.fit(); }

    down(event) {
      // What is under a finger is drawn anew while it moves: the stage itself stays.
      if (event.pointerType !== "mouse") this.element.setPointerCapture(event.pointerId);
      const body = event.target.closest?.("[data-body]");
      const strip = event.target.closest?.("[data-row]");
      if (body && event.button === 0) { this.on.pick(Number(body.dataset.body)); return; }
      if (strip && event.button === 0) {
        const row = Number(strip.dataset.row);
        event.preventDefault();
        this.drag = { want: this.on.start(row), last: row };
        return;
      }
      if (event.target.closest?.(".picture")) {
        event.preventDefault();
        this.drag = { window: true, x: event.clientX, y: event.clientY };
      }
    }

    move(event) {
      if (!this.drag) return;
      if (this.drag.window) {
        this.window.move((event.clientY - this.drag.y) / 400, (event.clientX - this.drag.x) / 400);
        Object.assign(this.drag, { x: event.clientX, y: event.clientY });
        return;
      }
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const strip = under?.closest("[data-row]");
      if (!strip || !this.element.contains(strip)) return;
      const row = Number(strip.dataset.row);
      if (row === this.drag.last) return;
      this.on.drag(this.drag.last, row, this.drag.want);
      this.drag.last = row;
    }
  }

  window.fasciaseg.Stage = Stage;
})();
