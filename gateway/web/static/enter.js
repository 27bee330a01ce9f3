// Exchanges the token, which is in the link's fragment or typed, for a cookie. A browser never sends
// the fragment, so the token is in no log.

import { byId, show } from "./dom.js";
import { GONE, WRONG_TOKEN } from "./text.js";
import { takeToken } from "./token.js";

async function enter(token) {
  try {
    const answer = await fetch("enter", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (answer.ok) {
      location.reload();
    } else {
      show(byId("problem"), WRONG_TOKEN);
    }
  } catch {
    show(byId("problem"), GONE);
  }
}

function enterByLink() {
  const given = takeToken();
  if (given) enter(given);
}

enterByLink();
window.addEventListener("hashchange", enterByLink);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(byId("token").value.trim());
});
