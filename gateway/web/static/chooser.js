// The dialog in which a rider and a class are chosen; with remote races, it lists what is commanded.
import { byId, show } from "./dom.js";
import { commandedRace } from "./text.js";

/** Open the dialog for a bike; `choose` is called with the request that was chosen. */
export function openChooser({ gateway }, bike, choose) {
  const isRemote = gateway.race_mode === "remote";
  show(byId("chooser-title"), isRemote ? `Races of ${bike.bike_id}` : `Who rides ${bike.bike_id}?`);
  const dialog = byId("chooser");
  const parts = isRemote
    ? bike.commanded.map(paragraph)
    : choices(gateway, bike).map((choice) => button(choice, dialog, choose));
  byId("choices").replaceChildren(...parts);
  byId("chooser-close").onclick = () => dialog.close();
  dialog.showModal();
}

/** Return each rider and class that the config allows on a bike, its own rider first. */
function choices(gateway, bike) {
  const own = bike.own_rider ? [bike.own_rider] : [];
  const others = gateway.riders.filter((one) => one.racer_id !== bike.own_rider?.racer_id);
  const [racerId, classId] = bike.next_racer_name
    ? [bike.next_racer_id, bike.next_class_id]
    : [bike.racer_id, bike.class_id];
  return [...own, ...others].flatMap(({ racer_id, name, class_ids }) =>
    class_ids.map((class_id) => ({
      label: class_ids.length > 1 ? `${name}, class ${class_id}` : name,
      isChosen: racer_id === racerId && class_id === classId,
      request: { action: "choose", racer_id, class_id },
    })),
  );
}

function button({ label, isChosen, request }, dialog, choose) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = isChosen ? `✓ ${label}` : label;
  element.setAttribute("aria-pressed", isChosen);
  element.addEventListener("click", () => {
    dialog.close();
    choose(request);
  });
  return element;
}

function paragraph(race) {
  const element = document.createElement("p");
  element.textContent = commandedRace(race);
  return element;
}
