// stream.js with a made-up EventSource and clock: silence, return, refusal. Run by test_stream.py.

import assert from "node:assert/strict";
import { beforeEach, test, mock } from "node:test";

import { follow } from "./stream.mjs";

let opened, nowMs, calls, answer;

class Source {
  constructor(url) {
    this.url = url;
    this.listeners = {};
    this.isClosed = false;
    opened.push(this);
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  close() {
    this.isClosed = true;
  }
  say(name, data = {}) {
    this.listeners[name]?.({ data: JSON.stringify(data) });
  }
}

function pass(ms) {
  for (let passed = 0; passed < ms; passed += 50) {
    nowMs += 50;
    mock.timers.tick(50);
  }
}

function start() {
  const handlers = {
    status: (data) => calls.push(data.line),
    gone: () => calls.push("gone"),
    back: () => calls.push("back"),
    locked: () => calls.push("locked"),
  };
  const surroundings = { Source, now: () => nowMs, fetchStatus: async () => answer() };
  return follow("events", handlers, surroundings);
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  [opened, nowMs, calls] = [[], 0, []];
  answer = () => ({ status: 200 });
});

test("events reach their handler as parsed JSON", () => {
  start();
  opened[0].say("status", { line: "racing" });
  assert.deepEqual(calls, ["racing"]);
});

test("a gateway that is silent is gone within two seconds, once", () => {
  start();
  opened[0].say("status", { line: "a" });
  pass(1800);
  assert.deepEqual(calls, ["a"]);
  pass(5000);
  assert.deepEqual(calls, ["a", "gone"]);
});

for (const heardAt of [50, 100, 150, 200, 250]) {
  test(`a gateway that is silent from ${heardAt} ms on is gone two seconds later`, () => {
    start();
    pass(heardAt);
    opened[0].say("status", { line: "a" });
    pass(2000);
    assert.deepEqual(calls, ["a", "gone"]);
  });
}

test("the page connects again by itself, and tells that the gateway is back", () => {
  start();
  opened[0].say("status", { line: "a" });
  pass(2500);
  assert.ok(opened[0].isClosed);
  assert.equal(opened.length, 2);
  opened[0].say("status", { line: "of the old stream" });
  opened[1].say("status", { line: "b" });
  assert.deepEqual(calls, ["a", "gone", "back", "b"]);
});

test("pauses between attempts grow to two seconds", () => {
  start();
  const times = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    opened.at(-1).listeners.error();
    const count = opened.length;
    const failedAt = nowMs;
    while (opened.length === count) pass(50);
    times.push(nowMs - failedAt);
  }
  assert.deepEqual(times, [250, 500, 1000, 2000, 2000, 2000]);
});

test("a page whose token was replaced is locked", async () => {
  start();
  answer = () => ({ status: 401 });
  opened[0].listeners.error();
  await new Promise(setImmediate);
  assert.deepEqual(calls, ["locked"]);
});

test("nothing goes on after the end", () => {
  const end = start();
  end();
  assert.ok(opened[0].isClosed);
  pass(10000);
  assert.deepEqual(calls, []);
  assert.equal(opened.length, 1);
});
