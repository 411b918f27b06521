"use strict";
/* The review: who reads, which exam, what was marked. What a reading means is the server's to
   say: every answer to a change carries location and severity as the software would class them. */
(() => {
  const { ask, Saver, Stage, image } = window.fasciaseg;
  const $ = (id) => document.getElementById(id);
  const { LEVELS, NAMES, GROUPS, SEQUENCES } = window.fasciaseg;
  const { joined, classWords, answerWords } = window.fasciaseg;
  const REST_MS = 400;
  const BEGIN = "Begin the consensus", SURE = "Yes, close my readings and begin";
  let ready = false;
  let me = null, exams = [], index = 0, mode = "reader", view = null, cursor = null, since = 0;
  let marked = new Set(), loading = 0, unblinded = false, counts = {};

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // Which page is shown

  function only(id) {
    for (const name of ["door", "desk", "done"]) $(name).hidden = name !== id;
  }

  async function start() {
    me = await ask("/api/me");
    if (me.reader) { await begin(); return; }
    only("door");
    $("password-label").hidden = me.open || !me.password;
    $("name-label").hidden = !me.open;
    $("enter-button").hidden = !me.open && !me.password;
    $("door-words").textContent = me.open
      ? "You read every exam for yourself. Each change is kept with its time and your name."
      : me.password ? "This review is protected."
        : "Open the address that the terminal shows: it holds a token for one browser.";
    (me.open ? $("name") : $("password")).focus();
  }

  let confirmed = "";
  $("enter").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("door-error").textContent = "";
    try {
      if (!me.open) {
        await ask("/api/password", { password: $("password").value });
        await start();
        return;
      }
      const name = $("name").value;
      const told = await ask("/api/reader", { name, new: confirmed === name });
      if (told.new) {
        confirmed = name;
        $("door-error").textContent =
          `Nobody called “${told.new}” has read here yet. Go on as a new reader?`;
        $("enter-button").textContent = "Yes, I'm new here";
        return;
      }
      me.reader = told.reader;
      await begin();
    } catch (error) { $("door-error").textContent = error.message; }
  });
  $("name").addEventListener("input", () => { $("enter-button").textContent = "Go on"; });

  async function begin() {
    $("who").textContent = me.reader;
    mode = "reader";
    const told = await ask("/api/exams");
    ({ exams, unblinded } = told);
    if (unblinded) { await toConsensus(); return; }
    const next = exams.findIndex((e) => !e.signed);
    if (next < 0) finished(); else await go(next);
  }

  /** Until every change has arrived. */
  async function allSaved() {
    while (saver.waiting.length) await new Promise((resolve) => setTimeout(resolve, 30));
  }

  async function toConsensus() {
    await allSaved();
    const told = await ask("/api/consensus", {});
    unblinded = true;
    mode = "consensus";
    ({ exams, counts } = told);
    const next = exams.findIndex((e) => !e.signed);
    if (next < 0) finished(); else await go(next);
  }

  async function finished() {
    only("done");
    const n = exams.length;
    if (mode === "reader") {
      $("done-title").textContent = `All ${n} exams are signed.`;
      $("done-words").textContent = "When the other reader is done too, the consensus shows the "
        + "exams that you differ on. Once you begin it, your own readings are closed.";
      $("done-consensus").hidden = false;
      $("done-consensus").textContent = BEGIN;
      $("done-back").hidden = false;
    } else {
      const parts = [["agreed", "agreed on"], ["settled", "settled"], ["read", "read by one only"],
        ["unread", "not read"]].filter(([k]) => counts[k]).map(([k, w]) => `${counts[k]} ${w}`);
      $("done-title").textContent = n ? "Every disagreement is settled." : "No disagreement is left.";
      $("done-words").textContent = `Exams: ${parts.join(", ")}. The tables are written by `
        + "“fasciaseg review DIR --export”.";
      $("done-consensus").hidden = true;
      $("done-back").hidden = !n;
    }
  }

  $("done-back").addEventListener("click", () => go(0));
  $("to-consensus").addEventListener("click", finished);
  $("done-consensus").addEventListener("click", async (event) => {
    // There is no way back from here: asked for twice, and a double click is once.
    if ($("done-consensus").textContent === BEGIN) {
      $("done-consensus").textContent = SURE;
      return;
    }
    if (event.detail > 1) return;
    try { await toConsensus(); } catch (error) { $("done-words").textContent = error.message; }
  });
  $("leave").addEventListener("click", async () => {
    await allSaved();
    await ask("/api/leave", {});
    location.reload();
  });

  // One exam

  const path = (exam) => `/api/${mode === "reader" ? "exams" : "consensus"}/${exam}`;

  async function go(to) {
    index = Math.min(Math.max(to, 0), exams.length - 1);
    const turn = ++loading, exam = exams[index].exam;
    only("desk");
    // Until the exam is there, nothing can be said about it: keys and clicks go nowhere.
    view = null;
    $("desk-main").inert = true;
    let told;
    try { told = await ask(path(exam)); } catch (error) { tell("lost", error.message); return; }
    if (turn !== loading) return;
    cursor = null;
    since = performance.now();
    $("comment").value = told.reading.comment;
    take(told);
    const loaded = view;
    view = null;
    try { await stage.load(loaded, (name) => `/picture/${exam}/${name}`); } catch (error) {
      tell("lost", error.message);
    }
    if (turn !== loading) return;
    view = loaded;
    if (!stage.element.childElementCount) {
      stage.element.replaceChildren(element("p", {
        textContent: "There is no picture without marks for this exam. Run “fasciaseg batch” "
          + "again with --force to have one made.",
      }));
    }
    $("desk-main").inert = false;
    ready = false;
    show();
    document.activeElement?.blur();
    // The second half of a double click must not sign an exam that nobody has seen.
    setTimeout(() => { if (turn === loading) { ready = true; show(); } }, REST_MS);
    const next = exams[index + 1];
    if (next && view.slices.length) image(`/picture/${next.exam}/plain.png`).catch(() => {});
  }

  /** Take what the server says of this exam. */
  function take(told) {
    view = { ...view, ...told };
    if (told.slices) view = told;
    marked = new Set(view.reading.levels);
  }

  function show() {
    const reading = view.reading, n = exams.length;
    $("place").textContent = `${mode === "consensus" ? "Disagreement" : "Exam"} ${index + 1} of ${n}`;
    const done = exams.filter((e) => e.signed).length;
    $("progress").max = n;
    $("progress").value = done;
    $("signed-count").textContent = `${done} signed`;
    $("to-consensus").hidden = mode === "consensus" || done < n;
    $("back").disabled = index === 0;
    $("forth").disabled = index === n - 1;
    const yes = reading.fascia_edema;
    $("summary").textContent = yes === null ? "Can't be judged"
      : yes ? `Fascia edema: ${joined(reading.levels)}` : "No fascia edema";
    $("summary").className = yes ? "yes" : "";
    $("class").textContent = !yes ? "" : reading.location ? classWords(reading) : "…";
    $("cant").setAttribute("aria-pressed", reading.cant);
    for (const button of $("quality").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", button.dataset.quality === reading.quality);
    }
    $("between").textContent = view.rule === "spinous"
      ? "the ends of neighbouring spinous processes" : "vertebral centres";
    $("number").hidden = !view.bodies.length;
    $("number").firstChild.textContent = reading.numbering
      ? `Numbering: ${reading.numbering.split("@")[0]} named ` : "Numbering … ";
    $("sign").replaceChildren(
      `${reading.signed ? "Signed" : "Sign"}: `
      + `${yes === null ? "can't be judged" : yes ? "fascia edema" : "no fascia edema"} `,
      element("kbd", { textContent: "Enter" }),
    );
    $("sign").disabled = !ready || (needsName() && !reading.cant);
    $("exam").textContent = `${SEQUENCES[view.sequence] ?? ""} · exam ${view.exam}`;
    if (needsName()) $("summary").textContent = "First name a vertebra: click one, or press n.";
    showSoftware();
    showLevels();
    stage.draw(view, marked, rowOf(cursor));
  }

  const needsName = () => !view.named && view.bodies.length > 0;

  function showSoftware() {
    const box = $("software"), parts = [], told = view.software;
    (view.readers ?? []).forEach(({ name, reading }, i) => {
      const key = String.fromCharCode(97 + i);
      parts.push(element("div", {}, element("b", { textContent: `${name}: ` }),
        answerWords(reading), reading.numbering ? ` (named ${reading.numbering.split("@")[0]})` : "",
        reading.comment ? ` “${reading.comment}”` : ""));
      const button = element("button", { textContent: "Take " },
        element("kbd", { textContent: key }));
      button.addEventListener("click", () => takeOver(reading));
      parts.push(button);
    });
    if (told) {
      const sure = told.confidence === null ? "" : `, confidence ${told.confidence.toFixed(2)}`;
      parts.push(element("div", {}, element("b", { textContent: "Software: " }),
        answerWords(told) + sure));
      const button = element("button", { textContent: "Take " },
        element("kbd", { textContent: "t" }));
      button.addEventListener("click", () => takeOver(told));
      parts.push(button);
      if (told.flags.length) {
        parts.push(element("div", { className: "dim", textContent: told.flags.join("; ") }));
      }
    }
    box.hidden = !parts.length;
    box.replaceChildren(...parts);
  }

  // Levels

  /** The territory of a level on the pictures; null where it isn't in view. */
  function rowOf(level) {
    if (level === null) return null;
    const row = view.territories.findIndex((t) => t.level === level);
    return row < 0 ? null : row;
  }

  function showLevels() {
    const readers = view.readers ?? [], rows = [];
    $("levels").hidden = needsName();
    if (readers.length) {
      rows.push(element("div", { className: "head" }, "", element("span", { textContent: "" }),
        ...readers.map(({ name }) => element("span", { textContent: name, title: name }))));
    }
    const seen = new Set(view.territories.map((t) => t.level));
    for (const level of LEVELS) {
      const on = marked.has(level), unseen = view.bodies.length > 0 && !seen.has(level);
      const button = element("button", {},
        element("b", { textContent: level }),
        element("small", {}, on ? "edema" : unseen ? "not in view" : "",
          element("i", { textContent: (!readers.length && GROUPS[level]) || "" })),
        ...readers.map(({ reading }) => element("span", {
          className: "said",
          textContent: reading.cant ? "?" : reading.levels.includes(level) ? "●" : "–",
        })));
      button.className = [
        unseen && "unseen", level === cursor && "cursor", GROUPS[level] && "first",
      ].filter(Boolean).join(" ");
      button.dataset.level = level;
      button.tabIndex = -1;
      button.setAttribute("aria-pressed", on);
      rows.push(button);
    }
    $("levels").replaceChildren(...rows);
  }

  let listDrag = null;
  $("levels").addEventListener("pointerdown", (event) => {
    const button = event.target.closest("[data-level]");
    if (!button || event.button !== 0) return;
    event.preventDefault();
    if (event.pointerType !== "mouse") $("levels").setPointerCapture(event.pointerId);
    cursor = button.dataset.level;
    listDrag = { want: !marked.has(cursor), last: cursor };
    mark([cursor], listDrag.want);
  });
  window.addEventListener("pointermove", (event) => {
    if (!listDrag) return;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const level = under?.closest("[data-level]")?.dataset.level;
    if (!level || level === listDrag.last) return;
    mark(between(LEVELS, listDrag.last, level), listDrag.want);
    cursor = listDrag.last = level;
    show();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, () => { listDrag = null; });
  }

  function between(list, a, b) {
    const [i, j] = [list.indexOf(a), list.indexOf(b)].sort((x, y) => x - y);
    return list.slice(i, j + 1);
  }

  function mark(levels, on) {
    if (needsName()) { openNumbering(null); return; }
    const changed = levels.filter((level) => level && marked.has(level) !== on);
    if (!changed.length && !(on && view.reading.cant)) { show(); return; }
    for (const level of changed) if (on) marked.add(level); else marked.delete(level);
    change({ levels: Object.fromEntries((changed.length ? changed : levels).map((l) => [l, on])) });
  }

  // Changes

  const saver = new Saver({
    state: tell,
    saved(where, answer) {
      if (!view || where !== path(exams[index]?.exam) || saver.pending(where)) return;
      if (answer === null) { go(index); return; }
      take(answer);
      show();
    },
  });

  function tell(state, text) {
    $("saving").className = state === "lost" ? "lost" : "dim";
    $("saving").textContent = text;
  }

  /** Seconds in front of the reader since the last change; a pause counts for a minute at most. */
  function spent() {
    const now = performance.now(), seconds = Math.min((now - since) / 1000, 60);
    since = now;
    return document.hidden ? 0 : Math.round(seconds * 10) / 10;
  }
  document.addEventListener("visibilitychange", () => { since = performance.now(); });

  function change(changes) {
    if (!view) return;
    const reading = view.reading;
    for (const name of ["quality", "cant", "comment"]) {
      if (name in changes) reading[name] = changes[name];
    }
    reading.signed = changes.signed === true;
    exams[index].signed = reading.signed;
    if (changes.levels && !("cant" in changes)) reading.cant = false;
    reading.levels = reading.cant ? [] : LEVELS.filter((level) => marked.has(level));
    reading.fascia_edema = reading.cant ? null : reading.levels.length > 0;
    // Location and severity are the server's to say: what it said before doesn't hold any more.
    if (changes.levels || "cant" in changes) reading.location = null;
    saver.add(path(exams[index].exam), changes, spent());
    show();
  }

  function takeOver(said) {
    if (needsName() && !said.numbering) { openNumbering(null); return; }
    const levels = Object.fromEntries(LEVELS.map((l) => [l, said.levels.includes(l)]));
    marked = new Set(said.levels);
    const changes = { levels, cant: said.cant };
    if ("numbering" in said) changes.numbering = said.numbering;
    change(changes);
  }

  function sign() {
    if (!ready) return;
    if ($("sign").disabled) { openNumbering(null); return; }
    keepComment();
    const last = index;
    change({ signed: true });
    const after = [...exams.keys()].map((i) => (last + 1 + i) % exams.length);
    const next = after.find((i) => !exams[i].signed);
    if (next === undefined) {
      if (mode === "reader") finished(); else settled();
    } else go(next);
  }

  async function settled() {
    await allSaved();
    ({ exams, counts } = await ask("/api/consensus"));
    finished();
  }

  function keepComment() {
    if (!view) return;
    const text = $("comment").value.trim();
    if (text !== view.reading.comment) change({ comment: text });
  }

  $("comment").addEventListener("change", keepComment);
  $("sign").addEventListener("click", sign);
  $("cant").addEventListener("click", () => change({ cant: !view.reading.cant }));
  for (const button of $("quality").querySelectorAll("button")) {
    button.addEventListener("click", () => rate(button.dataset.quality));
  }
  $("back").addEventListener("click", () => go(index - 1));
  $("forth").addEventListener("click", () => go(index + 1));
  $("help-button").addEventListener("click", () => $("help").showModal());

  function rate(quality) {
    change({ quality: view.reading.quality === quality ? null : quality });
  }

  // Numbering

  function openNumbering(body) {
    if (!view.bodies.length) return;
    const n = view.bodies.length, names = view.named ? view.bodies.map((b) => b.level) : [];
    $("body").replaceChildren(...view.bodies.map((_, i) => element("option", {
      value: i, textContent: names[i] ? `${n - i} (now ${names[i]})` : String(n - i),
    })).reverse());
    $("body").value = body ?? n - 1;
    $("level").replaceChildren(...NAMES.map((name) => element("option", {
      value: name, textContent: name,
    })).reverse());
    $("level").value = names[Number($("body").value)] ?? "L5";
    $("unname").hidden = !view.reading.numbering;
    $("numbering").returnValue = "";
    $("numbering").showModal();
    $("level").focus();
  }
  $("body").addEventListener("change", () => {
    const name = view.bodies[Number($("body").value)].level;
    if (view.named && name) $("level").value = name;
  });
  $("numbering").addEventListener("keydown", (event) => {
    // In a list, Enter opens it or does nothing; here it means what the first button says.
    if (event.key === "Enter" && event.target.matches("select")) {
      event.preventDefault();
      $("name-it").click();
    }
  });
  $("numbering").addEventListener("close", () => {
    const said = $("numbering").returnValue;
    if (said === "set") {
      const { z } = view.bodies[Number($("body").value)];
      change({ numbering: `${$("level").value}@${z}` });
    } else if (said === "clear") change({ numbering: null });
  });
  $("number").addEventListener("click", () => openNumbering(null));

  // Pointer and keys

  const stage = new Stage($("stage"), {
    start(row) {
      if (needsName()) { openNumbering(null); return true; }
      cursor = view.territories[row].level;
      const want = !marked.has(cursor);
      mark([cursor], want);
      return want;
    },
    drag(from, to, want) {
      if (needsName()) return;
      const rows = view.territories.slice(Math.min(from, to), Math.max(from, to) + 1);
      cursor = view.territories[to].level;
      mark(rows.map((t) => t.level), want);
    },
    pick: openNumbering,
  });

  function step(by, extend) {
    if (needsName()) { openNumbering(null); return; }
    const seen = view.territories.map((t) => t.level), all = seen.length ? seen : LEVELS;
    if (cursor === null) { cursor = by > 0 ? all[0] : all.at(-1); show(); return; }
    const from = cursor;
    const place = LEVELS.indexOf(cursor) + by;
    if (place < 0 || place >= LEVELS.length) return;
    cursor = LEVELS[place];
    if (extend) mark([cursor], marked.has(from)); else show();
  }

  const KEYS = {
    ArrowDown: (e) => step(1, e.shiftKey), ArrowUp: (e) => step(-1, e.shiftKey),
    ArrowLeft: () => index > 0 && go(index - 1),
    ArrowRight: () => index < exams.length - 1 && go(index + 1),
    " ": () => (cursor === null ? step(1, false) : mark([cursor], !marked.has(cursor))),
    Enter: sign, x: () => $("cant").click(), n: () => openNumbering(null),
    g: () => rate("good"), f: () => rate("fair"), p: () => rate("poor"),
    c: () => $("comment").focus(),
    0: () => stage.only(null), 1: () => stage.only(0), 2: () => stage.only(1),
    3: () => stage.only(2),
    w: () => { stage.whole = !stage.whole; stage.fit(); },
    o: () => { stage.lines = !stage.lines; stage.fit(); },
    "-": () => stage.window.move(0, 0.08), "+": () => stage.window.move(0, -0.08),
    "=": () => stage.window.move(0, -0.08), ",": () => stage.window.move(0.04, 0),
    ".": () => stage.window.move(-0.04, 0), r: () => stage.window.reset(),
    "?": () => $("help").showModal(),
    t: () => view.software && takeOver(view.software),
  };

  document.addEventListener("keydown", (event) => {
    if ($("desk").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    const at = event.target;
    if (at.matches("textarea, input, select")) {
      if (event.key === "Escape") at.blur();
      return;
    }
    if (at.matches("button") && (event.key === " " || event.key === "Enter")) return;
    const reader = mode === "consensus" && /^[a-d]$/.test(event.key)
      ? view?.readers?.[event.key.charCodeAt(0) - 97] : null;
    if (!view || event.repeat && event.key === "Enter") return;
    if (reader) takeOver(reader.reading);
    else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key](event);
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    // After a click the keys belong to the pictures again.
    const button = event.target.closest("#desk button");
    if (button && event.detail > 0) button.blur();
  });

  start().catch((error) => { only("door"); $("door-error").textContent = error.message; });
})();
