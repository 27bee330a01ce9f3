// The sentences of the pages that do not come from the gateway.

export const GONE = "The gateway does not answer. This page continues by itself.";

export const WRONG_TOKEN =
  "This token is not valid. It may have been replaced: open the link of `sudo alleycat-gateway web`.";
