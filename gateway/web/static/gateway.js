import { byId, show } from "./dom.js";
import { follow } from "./stream.js";
import { GONE } from "./text.js";
import { whole } from "./units.js";

follow("events?page=gateway", {
  status(report) {
    show(byId("cadence"), whole(report.gateway.bikes[0]?.current?.cadence_rpm?.value));
  },
  gone: () => show(byId("state"), GONE),
  back: () => show(byId("state"), ""),
});
