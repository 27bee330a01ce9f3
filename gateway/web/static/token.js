// The token in the fragment of a link, which nobody else in the room should read.

/** Return the token of the link, and remove it from the address bar and the history; or null. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) history.replaceState(null, "", location.pathname + location.search);
  return given;
}

/** Remove the token of a link that a browser opens although it needs no token any more. */
export function hideToken() {
  takeToken();
  window.addEventListener("hashchange", takeToken);
}
