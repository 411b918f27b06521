"use strict";
/* Levels and classes, and how they are said. */
(() => {
  const LEVELS = ["T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"];
  const NAMES = [...Array.from({ length: 12 }, (_, i) => `T${i + 1}`), "L1", "L2", "L3", "L4",
    "L5", "S1"];
  const GROUPS = { T5: "Thoracic", T11: "Thoracolumbar", L3: "Lower lumbar" };
  const LOCATIONS = {
    none: "none", thoracic: "thoracic (T5–T10)", thoracolumbar: "thoracolumbar (T11–L2)",
    lower_lumbar: "lower lumbar (L3–L5)", both: "thoracolumbar and lower lumbar (both)",
  };
  const SEQUENCES = {
    STIR: "STIR", T2_DIXON_WATER: "T2 Dixon water", T2_FS: "T2 fat-suppressed",
    T2: "T2 without fat suppression",
  };
  const SEVERITIES = { none: "none", non_severe: "non-severe", severe: "severe" };

  function joined(levels) {
    const runs = [];
    for (const level of levels) {
      const place = LEVELS.indexOf(level), last = runs.at(-1);
      if (last && place === last[1] + 1) last[1] = place; else runs.push([place, place]);
    }
    return runs.map(([a, b]) => (a === b ? LEVELS[a] : `${LEVELS[a]}–${LEVELS[b]}`)).join(", ");
  }

  function classWords(reading) {
    const n = reading.levels.length;
    return `${LOCATIONS[reading.location] ?? ""} · ${SEVERITIES[reading.severity] ?? ""} `
      + `(${n} ${n === 1 ? "level" : "levels"})`;
  }

  function answerWords(reading) {
    if (reading.fascia_edema === null) return "no answer";
    if (!reading.fascia_edema) return "no fascia edema";
    const where = (LOCATIONS[reading.location] ?? "").split(" (")[0];
    return `${joined(reading.levels)}, ${where}, ${SEVERITIES[reading.severity] ?? ""}`;
  }

  Object.assign(window.fasciaseg, {
    LEVELS, NAMES, GROUPS, SEQUENCES, joined, classWords, answerWords,
  });
})();
