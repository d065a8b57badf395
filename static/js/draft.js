// A rota's draft: what it would do is shown anew as the form changes. Without this, "Show what would be" does it.
(() => {
  const form = document.getElementById("plan_form");
  const panel = document.getElementById("foresight");
  if (!form || !panel) return;
  let asked = "";
  let timer = 0;
  let running = null;

  const written = () => new URLSearchParams(new FormData(form)).toString();

  const ask = async () => {
    const body = written();
    if (body === asked) return;
    asked = body;
    running?.abort();
    running = new AbortController();
    panel.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(panel.dataset.foresee, {
        method: "POST",
        body: new URLSearchParams(body),
        credentials: "same-origin",
        signal: running.signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      panel.innerHTML = await answer.text();
      panel.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name === "AbortError") return;
      asked = "";
      panel.removeAttribute("aria-busy");
      panel.textContent = "What would be could not be asked just now. What you wrote is still here.";
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  };

  // Select2 and the sorting by drag change fields without telling the form: any gesture may have been one.
  for (const event of ["input", "change", "click", "keyup", "pointerup", "drop", "dragend"]) {
    document.addEventListener(event, soon, true);
  }
  new MutationObserver(soon).observe(form, { subtree: true, childList: true });
  asked = written();
})();
