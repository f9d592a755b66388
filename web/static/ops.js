// The control room looks again every second. What is being typed stays: only the live part is replaced.
(() => {
  const every = 1000;
  const patience = 4000;
  const silence = 3000;
  const inMain = "main > p.small:last-child time";
  let heard = Date.now();

  const headline = (page) => page.querySelector(".headline");

  // Spoken when it is as loud as never before, not with every order.
  const speak = (before, after) => {
    if (before.className !== after.className) document.getElementById("spoken").textContent = after.textContent;
  };

  const complain = () => {
    document.querySelector(".lost")?.remove();
    const seconds = Math.round((Date.now() - heard) / 1000);
    if (seconds * 1000 < silence) return;
    const note = document.createElement("p");
    note.className = "lost";
    note.textContent = `This page has heard nothing for ${seconds} seconds: what it shows is old.`;
    document.querySelector("main").prepend(note);
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/ops", { headers: { accept: "text/html" }, signal: AbortSignal.timeout(patience) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const live = page.getElementById("live");
      if (live) {
        speak(headline(document), headline(page));
        document.getElementById("live").replaceWith(live);
        document.querySelector(inMain).replaceWith(page.querySelector(inMain));
        heard = Date.now();
      }
    } catch {
      // Said by its silence.
    }
    complain();
  };

  const again = () => setTimeout(() => look().finally(again), every);
  again();
})();
