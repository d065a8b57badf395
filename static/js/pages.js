// Comforts of the signed-in pages. None is needed to read or to acknowledge.
(function () {
  "use strict";

  // Text that was typed is kept until the server says it has it.
  function keep(name) { return "draft:" + name; }
  function drafts() {
    document.querySelectorAll("[data-posted-draft]").forEach(function (node) {
      try { localStorage.removeItem(keep(node.dataset.postedDraft)); } catch (error) { /* private mode */ }
    });
    document.querySelectorAll("textarea[data-draft]").forEach(function (area) {
      var name = keep(area.dataset.draft);
      try {
        if (!area.value && localStorage.getItem(name)) {
          area.value = localStorage.getItem(name);
          var said = document.getElementById(area.dataset.draftNote || "");
          if (said) { said.hidden = false; }
        }
      } catch (error) { return; }
      area.addEventListener("input", function () {
        try {
          if (area.value) { localStorage.setItem(name, area.value); } else { localStorage.removeItem(name); }
        } catch (error) { /* private mode: the text stays in the page */ }
      });
      area.addEventListener("keydown", function (event) {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && area.form) { area.form.requestSubmit(); }
      });
    });
  }

  // A press is sent once; after going back to the page the button works again.
  document.addEventListener("submit", function (event) {
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  // Nothing moves under a finger: a part in which somebody types or has opened a form is left as it
  // is, and a note offers the newer one.
  function touched(node) {
    if (!node) { return false; }
    var active = document.activeElement;
    if (node.querySelector("details[open] form")) { return true; }
    return Boolean(active && active !== document.body && node.contains(active));
  }
  document.addEventListener("htmx:oobBeforeSwap", function (event) {
    if (touched(event.detail.target)) {
      event.detail.shouldSwap = false;
      var note = document.getElementById("newer");
      if (note) { note.hidden = false; }
    }
  });
  document.addEventListener("htmx:responseError", function () { lost(true); });
  document.addEventListener("htmx:sendError", function () { lost(true); });
  document.addEventListener("htmx:afterOnLoad", function () { lost(false); });
  function lost(yes) {
    var node = document.getElementById("connection");
    if (node) { node.hidden = !yes; }
  }

  // Keyboard: ? lists the keys.
  var waiting = "";
  document.addEventListener("keydown", function (event) {
    if (event.metaKey || event.ctrlKey || event.altKey) { return; }
    if (event.target.closest("input, textarea, select, [contenteditable]")) { return; }
    var dialog = document.getElementById("keys");
    if (event.key === "?" && dialog) {
      event.preventDefault();
      if (dialog.open) { dialog.close(); } else { dialog.showModal(); }
      return;
    }
    var pressed = waiting + event.key;
    waiting = event.key === "g" ? "g " : "";
    var target = document.querySelector('[data-key="' + CSS.escape(pressed) + '"]');
    if (!target) { return; }
    event.preventDefault();
    if (target.matches("input, textarea, select")) { target.focus(); } else { target.click(); }
  });

  document.addEventListener("DOMContentLoaded", drafts);
})();
