// Who visits: eyes, hands, patience, and a book of what became of their orders. Everything from outside is handed in, so that a
// visit can be tested without k6 and without a shop.

// Told nothing, people try again after about so long.
const UNTOLD_S = 1;
// Whoever is told the same time comes up to half of it later: a crowd must not come back as a wave.
const JITTER = 0.5;

/** `{ ask, book, check, name, now, random, sleep, settings }`, completed by how people wait. */
export function visitorOf(given) {
  const { random, settings, sleep } = given;
  return {
    ...given,
    /** Looks around for about so many seconds; scaled with the run's time. */
    think: (seconds) => sleep(seconds * settings.timeScale * (0.5 + random())),
    /** Waits so many seconds, whatever the scale: the shop's clock is not scaled. */
    wait: (seconds) => sleep(seconds),
    /** Waits as long as an answer says, and a little longer; false when that is beyond their patience, and they go home. */
    waitAsTold({ retryAfter }) {
      const told = retryAfter || UNTOLD_S;
      if (told > settings.patience) return false;
      sleep(told * (1 + random() * JITTER));
      return true;
    },
  };
}
