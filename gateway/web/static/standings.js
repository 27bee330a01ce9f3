// Which racers the show lists: the first of a class, or those that a search finds.

/** Return the classes in which somebody rides, in order. */
export function classesOf(racers) {
  const classes = new Set(Object.values(racers).map((racer) => racer.class_id));
  classes.delete(undefined);
  return [...classes].sort((one, other) => one - other);
}

/**
 * Return the racers by place: those of one class unless `classId` is null, and with `search`
 * in their names. Places count within the class; a racer without a result has none.
 */
export function listed(racers, { classId = null, search = "" }) {
  const wanted = search.trim().toLowerCase();
  return Object.entries(racers)
    .filter(([, racer]) => classId === null || racer.class_id === classId)
    .sort(([, one], [, other]) => one.place - other.place)
    .map(([name, racer], index) => ({
      ...racer,
      name,
      place: racer.here_now === undefined ? null : index + 1,
    }))
    .filter((racer) => racer.name.toLowerCase().includes(wanted));
}
