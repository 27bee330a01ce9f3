// The sentences of the pages that do not come from the gateway.

export const GONE = "The gateway does not answer. This page continues by itself.";
