"use strict";
/* Changes on their way to the server: one after the other, each until it is acknowledged, each
   with an id of its own, so that one sent twice counts once. */
(() => {
  function id() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  }

  /** Ask the server. Throws an Error with `status` and the server's own words. */
  async function ask(path, body) {
    const options = body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body), keepalive: true,
    };
    const answer = await fetch(path, options);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw Object.assign(new Error(told.error || `Error ${answer.status}`),
        { status: answer.status });
    }
    return told;
  }

  class Saver {
    /** `saved(path, answer)` after each change, `state("saved" | "saving" | "lost", words)`. */
    constructor({ saved, state }) {
      this.waiting = [];
      this.saved = saved;
      this.state = state;
      this.running = false;
      window.addEventListener("beforeunload", (event) => {
        if (this.waiting.length) event.preventDefault();
      });
    }

    add(path, changes, seconds) {
      this.waiting.push({ path, body: { id: id(), changes, seconds } });
      this.state("saving", "Saving …");
      if (!this.running) this.run();
    }

    /** Whether changes of that path are still on their way. */
    pending(path) { return this.waiting.some((w) => w.path === path); }

    async run() {
      this.running = true;
      let pause = 300;
      while (this.waiting.length) {
        const { path, body } = this.waiting[0];
        try {
          const answer = await ask(path, body);
          this.waiting.shift();
          pause = 300;
          this.saved(path, answer);
        } catch (error) {
          if (error.status >= 400 && error.status < 500) {
            this.waiting.shift();
            this.state("lost", error.message);
            this.saved(path, null);
            continue;
          }
          this.state("lost", "Not saved yet: the server doesn't answer. Trying again.");
          await new Promise((resolve) => setTimeout(resolve, pause));
          pause = Math.min(pause * 2, 5000);
          continue;
        }
        if (!this.waiting.length) this.state("saved", "Saved");
      }
      this.running = false;
    }
  }

  Object.assign(window.fasciaseg, { ask, Saver });
})();
