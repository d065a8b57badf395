// Ticking clocks from server instants. The page says what time it was at the server when it was made
// (<meta name="server-now">); the difference to this device's clock is kept and measured again after
// sleep, so that two screens on one desk agree.
(function () {
  "use strict";
  var skew = 0;
  var lastTick = Date.now();

  function setServerNow(iso) {
    var instant = Date.parse(iso);
    if (!isNaN(instant)) { skew = instant - Date.now(); }
  }
  function now() { return Date.now() + skew; }

  function two(number) { return number < 10 ? "0" + number : String(number); }
  function length(seconds) {
    var s = Math.floor(Math.abs(seconds));
    var d = Math.floor(s / 86400), h = Math.floor(s % 86400 / 3600), m = Math.floor(s % 3600 / 60);
    if (d > 0) { return d + " d " + h + " h"; }
    if (h > 0) { return h + " h " + two(m) + " min"; }
    if (m >= 10) { return m + " min"; }
    if (m > 0) { return m + " min " + two(s % 60) + " s"; }
    return s % 60 + " s";
  }
  function write(node, text) { if (node.textContent !== text) { node.textContent = text; } }

  function tick() {
    var at = now();
    document.querySelectorAll("[data-due]").forEach(function (node) {
      var left = (Date.parse(node.dataset.due) - at) / 1000;
      var soon = Number(node.dataset.soon || 120);
      node.classList.toggle("late", left < 0);
      node.classList.toggle("soon", left >= 0 && left <= soon);
      write(node, left < 0 ? length(left) + " past due" : length(left) + " left");
    });
    document.querySelectorAll("time[data-ago]").forEach(function (node) {
      var gone = (at - Date.parse(node.dateTime)) / 1000;
      if (Math.abs(gone) < 5) { write(node, "just now"); return; }
      write(node, gone < 0 ? "in " + length(gone) : length(gone) + " ago");
    });
    document.querySelectorAll("[data-shown-from]").forEach(function (node) {
      var from = Date.parse(node.dataset.shownFrom), until = Date.parse(node.dataset.shownUntil);
      node.hidden = !(at >= from && at < until);
    });
  }

  function measureAgain() {
    fetch("/clock/", { method: "HEAD", cache: "no-store", credentials: "omit" }).then(function (answer) {
      var said = answer.headers.get("X-Server-Now");
      if (said) { setServerNow(said); tick(); }
    }).catch(function () { /* offline: the last measure stands */ });
  }

  function start() {
    var meta = document.querySelector("meta[name=server-now]");
    if (meta) { setServerNow(meta.content); }
    tick();
    setInterval(function () {
      var gap = Date.now() - lastTick;
      lastTick = Date.now();
      if (gap > 8000 || gap < 0) { measureAgain(); }
      tick();
    }, 1000);
    document.addEventListener("visibilitychange", function () { if (!document.hidden) { measureAgain(); } });
    window.addEventListener("pageshow", function (event) { if (event.persisted) { measureAgain(); } });
    document.addEventListener("htmx:afterRequest", function (event) {
      var said = event.detail.xhr && event.detail.xhr.getResponseHeader("X-Server-Now");
      if (said) { setServerNow(said); }
    });
    document.addEventListener("htmx:afterSettle", tick);
    document.addEventListener("htmx:oobAfterSwap", tick);
  }
  window.watchbillClock = { now: now, length: length };
  if (document.readyState === "loading") { document.addEventListener("DOMContentLoaded", start); } else { start(); }
})();
