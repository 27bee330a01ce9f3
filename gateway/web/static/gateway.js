// The owner's page: what needs attention, the state of each part, checks and the log.
import { CheckPanel } from "./check.js";
import { byId, mark, show } from "./dom.js";
import { LogList } from "./log.js";
import { follow } from "./stream.js";
import { GONE } from "./text.js";
import { hideToken } from "./token.js";
import { showWords } from "./words.js";

const check = new CheckPanel();
const log = new LogList(byId("log"));
let version = null;

function showNotice(text) {
  show(byId("notice"), text);
  mark(document.body, "data-gone", text !== "");
}

hideToken();
follow("events?page=gateway", {
  hello(hello) {
    if (version !== null && version !== hello.version) location.reload();
    version = hello.version;
    check.forget();
  },
  words(words) {
    showNotice("");
    showWords(words);
  },
  check: (state) => check.show(state),
  logs: (lines) => log.replace(lines),
  log: (line) => log.add(line),
  gone: () => showNotice(GONE),
  back: () => showNotice(""),
});
