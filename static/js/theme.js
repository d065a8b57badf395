// Runs before the page is drawn: the theme chosen here or in the admin, which keeps it under the same name.
(function () {
  "use strict";
  function chosen() {
    try { return JSON.parse(localStorage.getItem("adminTheme")) || "auto"; } catch (error) { return "auto"; }
  }
  function apply() {
    var root = document.documentElement;
    if (root.dataset.theme === "dark") { root.classList.add("dark"); return; }
    root.classList.remove("light", "dark");
    if (chosen() !== "auto") { root.classList.add(chosen()); }
  }
  apply();
  document.addEventListener("DOMContentLoaded", function () {
    var box = document.querySelector("[data-themes]");
    if (!box) { return; }
    function mark() {
      box.querySelectorAll("button").forEach(function (button) {
        button.setAttribute("aria-pressed", String(button.value === chosen()));
      });
    }
    box.hidden = false;
    mark();
    box.addEventListener("click", function (event) {
      var button = event.target.closest("button");
      if (!button) { return; }
      try { localStorage.setItem("adminTheme", JSON.stringify(button.value)); } catch (error) { return; }
      apply();
      mark();
    });
  });
})();
