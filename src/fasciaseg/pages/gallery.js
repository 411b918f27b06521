"use strict";
/* The gallery: filters, order and keys over the cards, and one exam at full size. */
(() => {
  const { svg, Window, Picture, points, interesting, image } = window.fasciaseg;
  const $ = (id) => document.getElementById(id);
  const form = document.querySelector("form"), main = document.querySelector("main");
  const cards = [...document.querySelectorAll("article")], shown = document.querySelector("output");
  const RANK = { severe: 3, non_severe: 2, none: 1, null: 0 };
  const ORDERS = {
    exam: () => 0,
    confidence: (a, b) => a.dataset.confidence - b.dataset.confidence,
    sure: (a, b) => b.dataset.confidence - a.dataset.confidence,
    severity: (a, b) => RANK[b.dataset.severity] - RANK[a.dataset.severity]
      || b.dataset.n - a.dataset.n,
    flags: (a, b) => words(b.dataset.flags).length - words(a.dataset.flags).length,
    review: (a, b) => (a.dataset.review ?? "").localeCompare(b.dataset.review ?? ""),
  };
  const STATES = {
    unread: "not read", read: "read by one", agreed: "readers agree",
    disputed: "readers differ", settled: "consensus",
  };
  const words = (text) => text.split(" ").filter(Boolean);
  let visible = cards, at = null;

  function filter() {
    const wanted = [...form.querySelectorAll("select[data-filter]")].filter((s) => s.value);
    for (const card of cards) {
      card.hidden = !wanted.every((s) => fits(card.dataset[s.name] ?? "", s));
    }
    visible = cards.filter((card) => !card.hidden);
    shown.value = `${visible.length} of ${cards.length} exams shown`;
    for (const card of cards) card.tabIndex = -1;
    if (visible.length) visible[0].tabIndex = 0;
  }

  function fits(value, select) {
    if (select.name !== "confidence") return words(value).includes(select.value);
    const [low, high] = select.value.split("-").map(Number);
    return value !== "" && value >= low && value < high;
  }

  function sort() {
    cards.sort((a, b) => ORDERS[form.elements.order.value](a, b)
      || a.dataset.exam.localeCompare(b.dataset.exam));
    main.append(...cards);
    filter();
  }

  form.addEventListener("change", (event) => (event.target.name === "order" ? sort() : filter()));
  form.addEventListener("reset", () => setTimeout(sort));
  form.addEventListener("submit", (event) => event.preventDefault());

  /** Called by reviews.js, which `fasciaseg review --export` writes. */
  window.fasciaseg.reviewed = (states) => {
    const counts = {};
    for (const card of cards) {
      const state = states[card.dataset.exam] ?? "unread";
      card.dataset.review = state;
      counts[state] = (counts[state] ?? 0) + 1;
      if (state !== "unread") card.querySelector(".review").textContent = STATES[state];
    }
    const select = form.elements.review;
    for (const [state, name] of Object.entries(STATES)) {
      if (counts[state]) select.append(new Option(`${name} (${counts[state]})`, state));
    }
    select.closest("label").hidden = false;
  };

  /* One exam at full size */

  const viewer = $("viewer"), slices = $("slices");
  let pictures = [], drawing = null, lines = true, alone = null, whole = false, page = false;
  let opening = 0;
  const light = new Window((w) => { for (const p of pictures) p.canvas.style.filter = w.filter; });

  /** The argument of the call in an exam's drawing.js: a page from a disk can't fetch a file. */
  function drawingOf(card) {
    return new Promise((resolve) => {
      const script = document.createElement("script");
      let told = null;
      window.fasciaseg.drawn = (data) => { told = data; };
      script.onload = () => { script.remove(); resolve(told); };
      script.onerror = () => { script.remove(); resolve(null); };
      script.src = `exams/${card.dataset.exam}/drawing.js`;
      document.head.append(script);
    });
  }

  async function open(card) {
    const turn = ++opening;
    at = card;
    viewer.hidden = false;
    document.body.style.overflow = "hidden";
    $("where").textContent = `${visible.indexOf(card) + 1} of ${visible.length}`;
    $("told").replaceChildren(card.querySelector(".words").cloneNode(true));
    pictures = [];
    drawing = null;
    $("close").focus({ preventScroll: true });
    if (card.dataset.plain && !page) {
      const [told, sheet] = await Promise.all([
        drawingOf(card), image(`exams/${card.dataset.exam}/plain.png`).catch(() => null)]);
      if (turn !== opening) return;
      if (told && sheet) {
        drawing = told;
        pictures = told.slices.map((each) => {
          each.bodies_list = Object.values(each.bodies);
          return new Picture(each, sheet);
        });
        slices.replaceChildren(...pictures.map((p) => p.element));
        light.reset();
        fit();
        return;
      }
    }
    const source = card.querySelector("img")?.getAttribute("src");
    if (source) {
      const summary = new Image();
      summary.src = source;
      summary.alt = "Summary";
      slices.replaceChildren(summary);
    } else slices.replaceChildren();
  }

  function close() {
    opening += 1;
    viewer.hidden = true;
    document.body.style.overflow = "";
    pictures = [];
    if (at) focusOn(at);
    at = null;
  }

  function step(by) {
    const next = visible[visible.indexOf(at) + by];
    if (next) open(next);
  }

  function fit() {
    if (!slices.clientWidth) return;
    const seen = pictures.filter((_, i) => alone === null || alone === i);
    const room = [slices.clientWidth - 6 * (seen.length - 1), slices.clientHeight];
    for (const picture of pictures) {
      picture.element.hidden = !seen.includes(picture);
      picture.show(whole ? [0, 0, ...picture.told.size_mm] : interesting(picture.told));
      draw(picture, picture.fit(room, seen.length));
    }
  }
  new ResizeObserver(() => { if (pictures.length) fit(); }).observe(slices);

  function draw(picture, scale) {
    const parts = [], { told, box } = picture, right = box[0] + box[2];
    const size = picture.lettering / scale;
    if (lines) {
      const heights = new Set(Object.values(drawing.boundaries_mm).flat());
      for (const z of heights) {
        const x = picture.fasciaX(z) - 25;
        const line = [[x, picture.y(z, x)], [right, picture.y(z, right)]];
        parts.push(svg("polyline", { class: "boundary", points: points(line) }));
      }
      for (const [level, [upper, lower]] of Object.entries(drawing.boundaries_mm)) {
        const on = words(at.dataset.levels).includes(level), bar = right - 7 / scale;
        if (on) {
          const shape = [[bar, picture.y(upper, bar)], [right, picture.y(upper, right)],
            [right, picture.y(lower, right)], [bar, picture.y(lower, bar)]];
          parts.push(svg("polygon", { class: "bracket", points: points(shape) }));
        }
        const x = right - size * 1.9;
        parts.push(svg("text", {
          class: on ? "name on" : "name", x, y: picture.y((upper + lower) / 2, x),
          "font-size": size * 1.15, "stroke-width": size / 4,
        }, level));
      }
      if (told.fascia.length > 1) {
        parts.push(svg("polyline", { class: "traced", points: points(told.fascia) }));
      }
      for (const line of told.edema) {
        parts.push(svg("polyline", { class: "outlined", points: points(line) }));
      }
      for (const [level, [x, y]] of Object.entries(told.bodies)) {
        parts.push(svg("text", {
          class: "name", x, y, "font-size": size, "stroke-width": size / 4,
        }, level));
      }
    }
    picture.overlay.replaceChildren(...parts);
  }

  let drag = null;
  slices.addEventListener("pointerdown", (event) => {
    drag = [event.clientX, event.clientY];
    slices.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  slices.addEventListener("pointermove", (event) => {
    if (!drag) return;
    light.move((event.clientY - drag[1]) / 400, (event.clientX - drag[0]) / 400);
    drag = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) {
    slices.addEventListener(end, () => { drag = null; });
  }

  const VIEWER_KEYS = {
    Escape: close, ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    o: () => { lines = !lines; fit(); }, w: () => { whole = !whole; fit(); },
    s: () => { page = !page; open(at); },
    0: () => { alone = null; fit(); }, 1: () => { alone = 0; fit(); },
    2: () => { alone = 1; fit(); }, 3: () => { alone = 2; fit(); },
    "-": () => light.move(0, 0.08), "+": () => light.move(0, -0.08),
    "=": () => light.move(0, -0.08), ",": () => light.move(0.04, 0),
    ".": () => light.move(-0.04, 0), r: () => light.reset(),
  };
  for (const button of viewer.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => VIEWER_KEYS[button.dataset.key]());
  }

  /* Keys */

  function focusOn(card) {
    for (const each of visible) each.tabIndex = -1;
    card.tabIndex = 0;
    card.focus();
    card.scrollIntoView({ block: "nearest" });
  }

  function columns() {
    return getComputedStyle(main).gridTemplateColumns.split(" ").length;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (!viewer.hidden) {
      if (event.target.matches("button") && (event.key === " " || event.key === "Enter")) return;
      const act = Object.hasOwn(VIEWER_KEYS, event.key) ? VIEWER_KEYS[event.key] : null;
      if (act && (pictures.length || !/^[ow0-3]$/.test(event.key))) {
        act();
        event.preventDefault();
      }
      return;
    }
    if (event.target.matches("select, button")) return;
    const place = visible.indexOf(document.activeElement);
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() };
    if (event.key in moves && visible.length) {
      const to = place < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, place + moves[event.key]));
      focusOn(visible[to]);
    } else if (event.key === "Home" && visible.length) focusOn(visible[0]);
    else if (event.key === "End" && visible.length) focusOn(visible.at(-1));
    else if ((event.key === "Enter" || event.key === " ") && place >= 0) open(visible[place]);
    else if (event.key === "f") form.querySelector("select").focus();
    else return;
    event.preventDefault();
  });
  main.addEventListener("click", (event) => {
    const card = event.target.closest("article");
    if (card && !event.ctrlKey && !event.metaKey) { event.preventDefault(); open(card); }
  });
  /* Pictures that nobody has scrolled to are loaded before the page goes to the printer. */
  $("print").addEventListener("click", async () => {
    const pictures = visible.map((card) => card.querySelector("img")).filter(Boolean);
    for (const picture of pictures) picture.loading = "eager";
    await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
    window.print();
  });

  filter();
})();
