// The check: a button that starts it, and its findings in the words of `check`.
import { byId, mark, show } from "./dom.js";
import { CHECK_RUNS, NO_ANSWER } from "./text.js";
import { fill, showRemedy } from "./words.js";

/** The button, and what the last check has found. */
export class CheckPanel {
  constructor() {
    this.isRunning = false;
    byId("check").addEventListener("click", () => this.start());
  }

  async start() {
    if (this.isRunning) return;
    try {
      const answer = await fetch("check", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: "{}",
      });
      if (!answer.ok) throw new Error(answer.statusText);
    } catch {
      show(byId("check-state"), NO_ANSWER);
    }
  }

  /** Forget a check of a gateway that has ended meanwhile. */
  forget() {
    if (this.isRunning) this.show({ is_running: false, report: null });
  }

  show({ is_running: isRunning, report }) {
    this.isRunning = isRunning;
    mark(byId("check"), "aria-disabled", isRunning);
    show(byId("check-state"), isRunning ? CHECK_RUNS : (report?.summary ?? ""));
    if (isRunning || report === null) return;
    fill(byId("findings"), "finding", report.findings, ({ root, parts }, finding) => {
      mark(root, "data-state", finding.state);
      for (const name of ["state", "name", "what"]) show(parts[name], finding[name]);
      showRemedy(parts.remedy, finding.remedy);
    });
    const versions = Object.entries(report.versions).map((one) => one.join(" "));
    show(byId("versions"), versions.join(", "));
  }
}
