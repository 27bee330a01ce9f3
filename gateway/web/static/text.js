// The sentences of the pages that do not come from the gateway.

// The show.
export const DEMO_GONE = "The race does not answer. If it has ended, start it again.";
export const NOT_SWITCHED = "The network was not switched: the race does not answer.";
export const NETWORK = {
  on: "on",
  cut: "cut",
  toCut: "Press to cut it: the gateways keep their messages.",
  toRestore: "Press to restore it: the gateways send what they have kept.",
};
export const RACE_OVER = "The race is over.";
export const ALL_CLASSES = "all";
export const classNamed = (id) => `class ${id}`;
export const moreRacers = (count) => (count ? `… and ${count.toLocaleString("en")} more` : "");

export const GONE = "The gateway does not answer. This page continues by itself.";

export const WRONG_TOKEN =
  "This token is not valid. It may have been replaced: open the link of `sudo alleycat-gateway web`.";
